"""Plain admin pages of what staff configure outside a process: generic parameters. Their forms run the catalogue's checks."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from designer.models import GenericParameter
from designer.parameters import delete_parameter, effective, parameter_problems, save_parameter
from flowx_site.config import config


class ParameterForm(forms.ModelForm):  # type: ignore[type-arg]
    """Key, environment, kind and value; a warning does not keep it from being saved."""

    class Meta:
        model = GenericParameter
        fields = ("key", "environment", "kind", "value")
        help_texts = {
            "key": "Read as ${key} in templates and config.key in conditions; a process value of this name wins.",
            "environment": "Empty = every environment without a value of its own.",
            "value": "The value, or the name of an environment variable that begins with FLOWX_PARAM_.",
        }

    def clean(self) -> dict[str, Any]:
        """PRM-001 to 006; what only warns is kept for the message after the save."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        parameter = GenericParameter(
            pk=self.instance.pk, **{name: cleaned.get(name) or "" for name in self.Meta.fields}
        )
        self.warnings = []
        for found in parameter_problems(parameter):
            if found.blocks_saving:
                self.add_error(found.field, forms.ValidationError(f"{found.message} {found.code}", code=found.code))
            else:
                self.warnings.append(f"{found.message} {found.code}")
        return cleaned

    def validate_unique(self) -> None:
        """The checks above say it in the catalogue's words."""


@admin.register(GenericParameter)
class GenericParameterAdmin(ModelAdmin):  # type: ignore[misc]
    """One row per key and environment, with the value in force here. A secret one shows its variable's name, never its value."""

    form = ParameterForm
    list_display = ("key", "environment_words", "kind", "value", "in_force")
    list_filter = ("environment", "kind")
    search_fields = ("key", "value")
    ordering = ("key", "environment")

    @admin.display(description="Environment", ordering="environment")
    def environment_words(self, parameter: GenericParameter) -> str:
        return parameter.environment or "all"

    @admin.display(description="In force here", boolean=True)
    def in_force(self, parameter: GenericParameter) -> bool:
        return effective(parameter, config.environment)

    def save_model(self, request: HttpRequest, obj: GenericParameter, form: Any, change: bool) -> None:
        save_parameter(obj)
        for words in form.warnings:
            messages.warning(request, words)

    def delete_model(self, request: HttpRequest, obj: GenericParameter) -> None:
        delete_parameter(obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[GenericParameter]) -> None:
        for parameter in queryset:
            delete_parameter(parameter)
