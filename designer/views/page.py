"""What every page of one version shares: the version itself, its problems, its place among the other versions."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.http import Http404, HttpRequest
from django.urls import reverse

from designer import canvas, lint
from designer.bpmn import draw
from designer.changes import FIELD_WORDS, Changes, compare
from designer.design import Design, load
from designer.lint import Problem, Severity
from designer.models import Node, Process, Version, VersionState
from designer.nodetypes import NodeKind, node_kind


@dataclass
class Page:
    """One version as a page shows it. Loads the rows once; a fixed number of statements whatever the size of the process."""

    request: HttpRequest
    process: Process
    version: Version
    versions: list[Version]

    @cached_property
    def design(self) -> Design:
        return load(self.version)

    @cached_property
    def problems(self) -> list[Problem]:
        return lint.by_severity(lint.check(self.design))

    @cached_property
    def counts(self) -> dict[str, int]:
        return lint.count(self.problems)

    @cached_property
    def published(self) -> Version | None:
        return next((each for each in self.versions if each.state == VersionState.PUBLISHED), None)

    @cached_property
    def draft(self) -> Version | None:
        return next((each for each in self.versions if each.state == VersionState.DRAFT), None)

    @cached_property
    def changes(self) -> Changes | None:
        """What differs from the published version; None for the published one and where none was published."""
        if self.published is None or self.published.pk == self.version.pk:
            return None
        return compare(load(self.published), self.design)

    @property
    def may_edit(self) -> bool:
        return self.request.user.has_perm("designer.change_process")

    @property
    def editable(self) -> bool:
        """Whether this user may change this version now."""
        return self.version.editable and self.may_edit

    @property
    def blocking(self) -> list[Problem]:
        return [problem for problem in self.problems if problem.blocks_publishing]

    @cached_property
    def drawing(self) -> str:
        design = self.design
        return draw(self.process.name, design.swimlanes, design.nodes, design.sequences)

    @cached_property
    def diagram(self) -> str:
        """What canvas.js draws, as JSON text."""
        return json.dumps({"xml": self.drawing, "nodes": canvas.marks(self.design, self.problems)}, ensure_ascii=False)

    def address(self, name: str = "version", *args: str) -> str:
        """The address of a page of this version."""
        return reverse(f"designer:{name}", args=[self.process.name, self.version.number, *args])

    def node(self, key: str) -> Node:
        """The node of that key, or 404."""
        found = next((node for node in self.design.nodes if node.key == key), None)
        if found is None:
            raise Http404(f"No node with the key {key} in this version.")
        return found

    def context(self, **more: Any) -> dict[str, Any]:
        """The names that templates/designer/version.html needs."""
        view = "outline" if self.request.GET.get("view") == "outline" else "canvas"
        return {
            "page": self,
            "process": self.process,
            "version": self.version,
            "counts": self.counts,
            "view": view,
            "editable": self.editable,
            "lines": canvas.outline(self.design, self.problems) if view == "outline" else (),
            **more,
        }


def find_page(request: HttpRequest, name: str, number: int) -> Page:
    """The version at that address, or 404."""
    process = Process.objects.filter(name=name, deleted=False).first()
    if process is None:
        raise Http404(f"No process named {name}.")
    versions = list(
        Version.objects.filter(process=process)
        .exclude(state=VersionState.DELETED)
        .select_related("process", "edited_by", "published_by")
    )
    version = next((each for each in versions if each.number == number), None)
    if version is None:
        raise Http404(f"{name} has no version {number}.")
    return Page(request, process, version, versions)


@dataclass(frozen=True)
class PlacedProblem:
    """A problem with its place in words and the address where it is mended."""

    problem: Problem
    where: str
    link: str
    position: int
    icon: str
    word: str
    css: str
    node_name: str


def placed(page: Page) -> list[PlacedProblem]:
    """Every problem of the version with its path, worst first."""
    nodes = {node.key: node for node in page.design.nodes}
    found = []
    for position, problem in enumerate(page.problems, start=1):
        node = nodes.get(problem.node)
        parts = [node.name if node else "", problem.action, FIELD_WORDS.get(problem.field, "")]
        found.append(
            PlacedProblem(
                problem=problem,
                where=" › ".join(part for part in parts if part) or "The process",
                link=problem_link(page, problem),
                position=position,
                icon=canvas.SEVERITY_ICONS[problem.severity],
                word=canvas.SEVERITY_WORDS[problem.severity],
                css=canvas.SEVERITY_CLASSES[problem.severity],
                node_name=node.name if node else "",
            )
        )
    return found


def problem_link(page: Page, problem: Problem) -> str:
    """Where that field is edited; `#field-…` makes the form open its fold-out and focus it (designer 6.1)."""
    focus = f"#field-{problem.field}" if problem.field else ""
    if problem.action:
        return page.address("action", problem.node, problem.action) + focus
    if problem.node:
        tab = "node-actions" if problem.field == "actions" else "node-config"
        return page.address(tab, problem.node) + focus
    return page.address("problems")


def kind_of(node: Node) -> NodeKind:
    return node_kind(node.type)


def severities(page: Page) -> list[tuple[Severity, str, str, int]]:
    """The filters of the problems list: severity, words, icon, how many."""
    return [
        (severity, f"{canvas.SEVERITY_WORDS[severity]}s", canvas.SEVERITY_ICONS[severity], page.counts[severity.value])
        for severity in Severity
    ]
