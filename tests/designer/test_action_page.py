"""The pages of the action form open."""

from django.test import Client

from tests.designer.conftest import Draft


def test_the_form_of_each_type_opens(client: Client, draft: Draft):
    for action in (draft.kafka(), draft.websocket(), draft.action("store", manual=True, keys=["a.b"])):
        response = client.get(draft.form_url(action))
        assert response.status_code == 200, response.content[:500]
        assert f'value="{action.name}"' in response.content.decode()
