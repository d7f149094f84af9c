"""Upload actions: the file stays here, the other system is told where (engine 4.8, 15.6)."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from engine import uploads
from engine.api import uploads as upload_api
from engine.core import jsonio
from engine.core.stimuli import ExecuteByOperator, Retry
from engine.models import TemporaryUpload
from tests.api.conftest import Answer, Api, make_user
from tests.builders import USER, Running, action, apply, process, save_data

PARAMS = {"topicName": "docs.persist.v1", "documentType": "ID_CARD", "customId": "lease-${lease.id}"}


@pytest.fixture(autouse=True)
def storage(settings: Any, tmp_path: Path) -> Path:
    settings.MEDIA_ROOT = tmp_path
    return tmp_path


def running(params: dict[str, str] | None = None, **fields: Any) -> Running:
    upload = action("card", "UPLOAD_FILE", PARAMS | (params or {}), manual=True, keys=["note", "lease"], **fields)
    made = process().start().user_task("Form", upload, save_data("go")).end()
    return made.publish().start({"lease": {"id": 7}})


def send(user: User, instance: Running, name: str = "card", *, key: str = "", **form: Any) -> Answer:
    form.setdefault("file", SimpleUploadedFile("me.jpg", b"a picture", "image/jpeg"))
    path = f"/api/process/{instance.uuid}/token/{instance.token.uuid}/action/{name}/upload"
    headers = Api(user).headers | ({"Idempotency-Key": key} if key else {})
    return Answer(
        Client().post(path, {name: value for name, value in form.items() if value is not None}, headers=headers)
    )


def test_e099_a_file_is_kept_and_its_reference_is_sent_without_its_bytes(rider: User, storage: Path) -> None:
    instance = running()

    answer = send(rider, instance, data='{"note": "front", "other": 1}')

    assert answer.ok()["tokenUuid"] == str(instance.token.uuid)
    [row] = instance.sent()
    kept = TemporaryUpload.objects.get()
    assert row.topic == "docs.persist.v1"
    assert jsonio.loads(row.value) == {"tempFileId": str(kept.id), "customId": "lease-7", "documentType": "ID_CARD"}
    assert jsonio.loads(row.headers)["processInstanceUuid"] == str(instance.uuid)
    assert (storage / "temp" / str(instance.uuid) / str(kept.id)).read_bytes() == b"a picture"
    assert (kept.name, kept.content_type, kept.size_bytes) == ("me.jpg", "image/jpeg", 9)
    assert instance.params == {"lease": {"id": 7}, "note": "front"}, "fields pass the keys as any body does"


def test_e099_plain_fields_are_values_too(rider: User) -> None:
    instance = running()

    send(rider, instance, note="back").ok()

    assert instance.params["note"] == "back"


def test_s155_only_requests_of_its_instance_open_a_file_and_only_for_a_day(rider: User) -> None:
    instance = running()
    send(rider, instance).ok()
    kept = TemporaryUpload.objects.get()

    row, file = uploads.open_for(instance.uuid, str(kept.id))
    assert (row.name, file.read()) == ("me.jpg", b"a picture")
    file.close()
    for owner, named in ((uuid.uuid4(), str(kept.id)), (instance.uuid, str(uuid.uuid4())), (instance.uuid, "../me")):
        with pytest.raises(uploads.UploadNotFound):
            uploads.open_for(owner, named)
    TemporaryUpload.objects.update(created_at=timezone.now() - timedelta(hours=24, seconds=1))
    with pytest.raises(uploads.UploadNotFound) as gone:
        uploads.open_for(instance.uuid, str(kept.id))
    assert gone.value.code == "NOT_FOUND"


def test_old_files_are_swept_and_young_ones_stay(rider: User) -> None:
    instance = running(repeatable=True)
    for _ in range(2):
        send(rider, instance).ok()
    old = TemporaryUpload.objects.earliest("created_at")
    TemporaryUpload.objects.filter(pk=old.pk).update(created_at=timezone.now() - timedelta(hours=25))

    assert uploads.sweep(timezone.now()) == 1

    young = TemporaryUpload.objects.get()
    assert not default_storage.exists(uploads.path_of(old))
    assert default_storage.exists(uploads.path_of(young))


@pytest.mark.parametrize("over", [0, 1])
def test_e099_one_limit_refuses_larger_files_with_413(rider: User, monkeypatch: pytest.MonkeyPatch, over: int) -> None:
    monkeypatch.setattr(upload_api, "config", replace(upload_api.config, max_upload=1000))
    instance = running()

    answer = send(rider, instance, file=SimpleUploadedFile("a", b"x" * (1000 + over)))

    assert answer.status == (413 if over else 200)
    assert TemporaryUpload.objects.count() == 1 - over


def test_a_form_that_is_far_too_long_is_refused_before_it_is_read(rider: User) -> None:
    instance = running()
    path = f"/api/process/{instance.uuid}/token/{instance.token.uuid}/action/card/upload"
    headers = Api(rider).headers | {"Content-Length": str(10**9)}

    answer = Client().post(path, b"", content_type="multipart/form-data; boundary=x", headers=headers)

    assert answer.status_code == 413


def test_the_action_must_fit_the_endpoint(rider: User, storage: Path) -> None:
    instance = running()
    token = instance.token.uuid

    executed = Api(rider).post(f"{instance.uuid}/token/{token}/action/card/execute", {})
    uploaded = send(rider, instance, "go")

    wrong = (400, "Action type does not match the endpoint.")
    assert executed.refusal == uploaded.refusal == wrong
    assert not TemporaryUpload.objects.exists()
    assert not [each for each in storage.rglob("*") if each.is_file()], "nothing is left behind"


@pytest.mark.parametrize(
    ("form", "status"),
    [({"file": None}, 400), ({"data": "[1]"}, 400), ({"data": "{"}, 400)],
    ids=["no file", "list", "broken"],
)
def test_a_form_without_a_file_or_with_wrong_values_is_refused(rider: User, form: dict[str, Any], status: int) -> None:
    assert send(rider, running(), **form).status == status
    assert not TemporaryUpload.objects.exists()


def test_who_may_not_execute_may_not_upload(stranger: User) -> None:
    instance = running()
    assert send(stranger, instance).status == 404
    instance.row.__class__.objects.filter(uuid=instance.uuid).update(owner_id=stranger.pk)
    assert send(make_user("other"), instance).status == 404
    assert send(stranger, instance).status == 403


def test_an_upload_with_the_same_key_is_one_call(rider: User) -> None:
    instance = running(repeatable=True)

    first = send(rider, instance, key="k-1")
    again = send(rider, instance, key="k-1")
    other = send(rider, instance, key="k-1", file=SimpleUploadedFile("me.jpg", b"another"))

    assert first.ok() == again.ok()
    assert other.status == 422
    assert TemporaryUpload.objects.count() == len(instance.sent()) == 1


def test_a_failed_upload_action_is_retried_with_the_same_file(rider: User) -> None:
    instance = running({"topicName": "docs.${where}"})

    assert send(rider, instance).status == 422
    instance_params = {"lease": {"id": 7}, "where": "persist.v1"}
    type(instance.row).objects.filter(uuid=instance.uuid).update(params=jsonio.dumps(instance_params))
    apply(Retry(instance.uuid, instance.token.uuid, USER, "set the topic"))

    [row] = instance.sent()
    assert row.topic == "docs.persist.v1"
    assert jsonio.loads(row.value)["tempFileId"] == str(TemporaryUpload.objects.get().id)


def test_a_delayed_upload_action_sends_its_file_when_it_is_due(rider: User) -> None:
    instance = running(timerExpression="PT1H")

    send(rider, instance).ok()
    assert not instance.sent()
    instance.fire()

    assert jsonio.loads(instance.sent()[0].value)["tempFileId"] == str(TemporaryUpload.objects.get().id)


def test_an_operator_who_runs_it_without_a_file_is_told_so(rider: User) -> None:
    instance = running()

    apply(ExecuteByOperator(instance.uuid, instance.token.uuid, "card", USER, "try"))

    assert "without a file" in instance.row.incident_text
    assert not instance.sent()


def refuse_cats(file: Any) -> str | None:
    return "It shows a cat." if b"cat" in file.read() else None


def test_the_scan_may_refuse_a_file(rider: User, monkeypatch: pytest.MonkeyPatch) -> None:
    hook = f"{refuse_cats.__module__}.refuse_cats"
    monkeypatch.setattr(uploads, "config", replace(uploads.config, upload_scan=hook))
    instance = running(repeatable=True)

    assert send(rider, instance, file=SimpleUploadedFile("a", b"a cat")).refusal == (
        400,
        "The file was refused: It shows a cat.",
    )
    send(rider, instance, file=SimpleUploadedFile("a", b"a dog")).ok()
    _, file = uploads.open_for(instance.uuid, str(TemporaryUpload.objects.get().id))
    assert file.read() == b"a dog"
    file.close()
