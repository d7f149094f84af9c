"""Addresses of the designer's pages, below /admin/ (designer 0.3). Every view has one that restores it."""

from __future__ import annotations

from django.urls import URLPattern, path

from designer.views import actions, lifecycle, node, processes, rows, version

app_name = "designer"

VERSION = "processes/<str:name>/v/<int:number>"
NODE = f"{VERSION}/node/<str:key>"
ACTION = f"{NODE}/actions/<str:action>"

urlpatterns: list[URLPattern] = [
    path("processes/", processes.processes, name="processes"),
    path("processes/new", processes.new, name="new"),
    path("processes/sample", processes.sample, name="sample"),
    path("processes/import", processes.import_, name="import"),
    path("processes/<str:name>/", version.process, name="process"),
    path("processes/<str:name>/delete", lifecycle.delete, name="delete"),
    path(f"{VERSION}/", version.version, name="version"),
    path(f"{VERSION}/diagram", version.diagram, name="diagram"),
    path(f"{VERSION}/problems", version.problems, name="problems"),
    path(f"{VERSION}/fix", rows.fix, name="fix"),
    path(f"{VERSION}/publish", lifecycle.publish, name="publish"),
    path(f"{VERSION}/draft", lifecycle.draft, name="draft"),
    path(f"{VERSION}/duplicate", lifecycle.duplicate, name="duplicate"),
    path(f"{VERSION}/discard", lifecycle.discard, name="discard"),
    path(f"{VERSION}/start", lifecycle.start, name="start"),
    path(f"{VERSION}/export", lifecycle.export, name="export"),
    path(f"{NODE}/config", node.config, name="node-config"),
    path(f"{NODE}/config/check", node.check, name="node-check"),
    path(f"{NODE}/problems", node.problems, name="node-problems"),
    path(f"{NODE}/actions", node.actions, name="node-actions"),
    path(f"{ACTION}/move", rows.move, name="action-move"),
    path(f"{ACTION}/duplicate", rows.duplicate, name="action-duplicate"),
    path(f"{ACTION}/delete", rows.delete, name="action-delete"),
]

# The action form: `action` is the form of a stored one, `action-new` the form of a new one (`?type=`).
urlpatterns += actions.patterns
