"""
The settings document in force, and the hub as it is for one account of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from state_backend.aws import accounts, settings_parameter
from state_backend.calls import AwsError
from state_backend.errors import StateholdError, explain
from state_backend.fleet.settings_document import SettingsDocument, in_force, settings_for
from state_backend.hub import Hub
from state_backend.telemetry import count, logger


def document_in_force(hub: Hub) -> SettingsDocument:
    """
    The settings document in force. That a newer one is refused is logged and counted.

    Raises:
        StateholdError: There is none that is right, or it cannot be read now.
    """
    name = hub.settings.settings_parameter_name
    try:
        document, mistake = in_force(settings_parameter.texts(hub.at_home, name))
    except AwsError as error:
        raise explain(error) from error
    except StateholdError:
        count("SettingsRefused")
        raise
    if mistake is not None:
        logger.error("%s The last one that was right stays in force.", mistake)
        count("SettingsRefused")
    return document


def with_settings(
    hub: Hub, document: SettingsDocument, account: str, units: Sequence[str], region: str
) -> Hub:
    """*hub*, with what *document* says of *account*, in *units*, in place of its own defaults."""
    said = settings_for(document, account, units, region)
    defaults = {**hub.settings.property_defaults, **said}
    return replace(hub, settings=replace(hub.settings, property_defaults=defaults))


def hub_for(hub: Hub, account: str, region: str) -> Hub:
    """
    *hub* as it is for *account*, wherever that stands in the organization.

    Raises:
        StateholdError: The document, or Organizations, does not say.
        AwsError: Organizations does not say.
    """
    if not hub.settings.settings_parameter_name or hub.settings.sam_local:
        return hub
    document = document_in_force(hub)
    units = accounts.units_above(hub.at_home, accounts.describe(hub.at_home, account))
    return with_settings(hub, document, account, units, region)
