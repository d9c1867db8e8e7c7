"""What has to hold of a deployment. Each check says what is wrong, so that one can see what it catches."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from sandbox.deployment.queues import AT_ONCE, RETRY
from shared.adapters.cloud_tasks import ATTEMPT_SECONDS
from shared.settings import DEPLOYED, PREFIX, SECRETS, Function, Settings, SettingsError, load, used_by
from tests.deploy.queries import SITES, Index
from tests.deploy.terraforming import NUMBER, PRACTICES, Infrastructure, Resource

PUBLIC = {"oauth_callback", "push_webhook", "settings_api"}
INVOKERS = {"sync_task": "tasks_invoker", "channel_renewer": "scheduler_invoker"}
ENQUEUES = {
    "push_webhook": {"live"},
    "sync_task": {"live", "bulk"},
    "channel_renewer": {"live", "bulk"},
    "settings_api": {"live", "bulk"},
}
STORES = {
    "oauth_callback": "roles/datastore.user",
    "sync_task": "roles/datastore.user",
    "settings_api": "roles/datastore.user",
    "channel_renewer": "roles/datastore.viewer",
}
AT_DEFAULT = {
    *("clock_file", "tasks_host", "secrets_host", "firestore_host"),  # of a machine of one's own
    *("google_api_url", "google_token_url", "google_auth_url", "google_jwks_url", "google_revoke_url"),
    "oidc_certs_url",  # Google's own
}
"""Settings that no deployment sets."""
TUNED = {
    "bucket_s": "0.5",
    "google_any_calendar": "true",
    "google_units_a_second": "6",
    "lease_s": "60",
    "look_minutes": "5",
    "poll_minutes": "1",
}
"""Settings that one may set; each with another value than its default."""

Check = Callable[[Infrastructure], list[str]]
Values = Mapping[str, Any]


def problems(deployed: Infrastructure) -> list[str]:
    return [problem for check in CHECKS for problem in check(deployed)]


def differing(what: str, found: object, wanted: object) -> list[str]:
    return [] if found == wanted else [f"{what}: {found!r} and not {wanted!r}"]


def functions(deployed: Infrastructure) -> dict[str, Resource]:
    return {each.key: each for each in deployed.all("google_cloudfunctions2_function")}


def service(function: Resource) -> Values:
    config: Values = function.values["service_config"][0]
    return config


# --- who may call whom ----------------------------------------------------------------------------------


def check_callers(deployed: Infrastructure) -> list[str]:
    services = {each.values["name"]: key for key, each in functions(deployed).items()}
    found = {
        (services.get(each.values["service"], "?"), each.values["role"], deployed.who(each.values["member"]))
        for each in deployed.all("google_cloud_run_service_iam_member")
    }
    wanted = {(name, "roles/run.invoker", "allUsers") for name in PUBLIC}
    wanted |= {(name, "roles/run.invoker", invoker) for name, invoker in INVOKERS.items()}
    return differing("who may call", sorted(found), sorted(wanted))


def check_ingress(deployed: Infrastructure) -> list[str]:
    return [
        f"{name} is reached from outside: {service(each)['ingress_settings']}"
        for name, each in functions(deployed).items()
        if name not in PUBLIC and service(each)["ingress_settings"] != "ALLOW_INTERNAL_ONLY"
    ]


def check_accounts(deployed: Infrastructure) -> list[str]:
    found = {
        name: deployed.who(service(each)["service_account_email"])
        for name, each in functions(deployed).items()
    }
    builders = {
        deployed.who(each.values["build_config"][0]["service_account"])
        for each in functions(deployed).values()
    }
    own = {function.value: function.value for function in Function}
    return differing("accounts of functions", found, own) + differing("who builds", builders, {"build"})


def check_rights_of_the_project(deployed: Infrastructure) -> list[str]:
    """Nobody but builds has any right on all of it; the store's is held to one database by its condition."""
    found = {
        (deployed.who(each.values["member"]), each.values["role"])
        for each in deployed.all("google_project_iam_member")
    }
    wanted = {("build", "roles/logging.logWriter"), *STORES.items()}
    name = deployed.one("google_firestore_database").values["name"]
    condition = f'resource.name == "projects/example-calsync/databases/{name}"'
    loose = [
        f"{each.address} holds for every database"
        for each in deployed.all("google_project_iam_member", "store")
        if [one["expression"] for one in each.values["condition"]] != [condition]
    ]
    return differing("rights on the project", sorted(found), sorted(wanted)) + loose


def check_queues_reached(deployed: Infrastructure) -> list[str]:
    queues = {each.values["name"]: each.key for each in deployed.all("google_cloud_tasks_queue")}
    found: dict[str, set[str]] = {}
    for each in deployed.all("google_cloud_tasks_queue_iam_member"):
        found.setdefault(deployed.who(each.values["member"]), set()).add(queues[each.values["name"]])
    acting = {
        (
            deployed.who(each.values["member"]),
            each.values["role"],
            deployed.who(each.values["service_account_id"]),
        )
        for each in deployed.all("google_service_account_iam_member")
    }
    wanted = {(name, "roles/iam.serviceAccountUser", "tasks_invoker") for name in ENQUEUES}
    return differing("who enqueues", found, ENQUEUES) + differing("who acts as whom", acting, wanted)


def check_no_other_grants(deployed: Infrastructure) -> list[str]:
    known = {
        "google_artifact_registry_repository_iam_member",
        "google_cloud_run_service_iam_member",
        "google_cloud_tasks_queue_iam_member",
        "google_kms_crypto_key_iam_member",
        "google_project_iam_custom_role",
        "google_project_iam_member",
        "google_secret_manager_secret_iam_member",
        "google_service_account_iam_member",
        "google_storage_bucket_iam_member",
    }
    found = {each.type for each in deployed.resources if "_iam_" in each.type}
    outside = [each.address for each in deployed.resources if each.type == "google_service_account_key"]
    return [f"a grant of a kind that nobody looks at: {kind}" for kind in sorted(found - known)] + outside


# --- secrets --------------------------------------------------------------------------------------------


def secret_readers() -> set[tuple[str, str]]:
    """Secret and function, as the code says it."""
    return {
        (name.format(practice=practice), function.strip())
        for name, users, _ in SECRETS
        for practice in PRACTICES
        for function in users.split(",")
    }


def check_secrets(deployed: Infrastructure) -> list[str]:
    found = {
        (each.values["secret_id"], deployed.who(each.values["member"]))
        for each in deployed.all("google_secret_manager_secret_iam_member")
    }
    there = {each.values["secret_id"] for each in deployed.all("google_secret_manager_secret")}
    role = deployed.one("google_project_iam_custom_role", "secret_reader").values
    roles = {each.values["role"] for each in deployed.all("google_secret_manager_secret_iam_member")}
    wanted = secret_readers()
    return [
        *differing("who reads which secret", sorted(found), sorted(wanted)),
        *differing("secrets", there, {name for name, _ in wanted}),
        *differing("roles on secrets", roles, {role["id"]}),
        *differing(
            "rights of a reader",
            set(role["permissions"]),
            {"secretmanager.versions.access", "secretmanager.versions.list"},
        ),
    ]


def check_no_value_of_a_secret(deployed: Infrastructure) -> list[str]:
    versions = [each.address for each in deployed.resources if "secret_version" in each.type]
    mounted = [
        name
        for name, each in functions(deployed).items()
        if service(each)["secret_environment_variables"] or service(each)["secret_volumes"]
    ]
    return [f"the value of a secret is in the state: {each}" for each in [*versions, *mounted]]


# --- settings -------------------------------------------------------------------------------------------


def check_settings(deployed: Infrastructure) -> list[str]:
    """Each function has exactly the settings that it reads, apart from those that nobody sets."""
    return [problem for function in Function for problem in _settings_problems(deployed, function)]


def _settings_problems(deployed: Infrastructure, function: Function) -> Iterable[str]:
    environment = environment_of(deployed, function)
    given = {name.removeprefix(PREFIX).lower() for name in environment if name.startswith(PREFIX)}
    reads = set(used_by(function)) - AT_DEFAULT
    required = reads - set(TUNED)
    yield from (f"{function.value} reads {name}, which is not set" for name in sorted(required - given))
    yield from (f"{function.value} does not read {name}" for name in sorted(given - reads))
    try:
        load(function, {**environment, DEPLOYED: function.value})
    except SettingsError as error:
        yield str(error)


def environment_of(deployed: Infrastructure, function: Function) -> Mapping[str, str]:
    found = functions(deployed).get(function.value)
    return service(found)["environment_variables"] if found else {}


def check_every_setting_is_known() -> list[str]:
    deployed = {"project", "practices", "database", "push_url", "oauth_redirect_url"}
    deployed |= {
        name for name in Settings.model_fields if re.match(r"(tasks|queue|sync_task|scheduler)_", name)
    }
    return differing("settings", set(Settings.model_fields), deployed | AT_DEFAULT | set(TUNED))


def check_addresses(deployed: Infrastructure) -> list[str]:
    """Who calls whom is what that one is told: the audience of a token, the target of a task."""
    base = f"-{NUMBER}.us-east1.run.app"
    sync, renewer = (
        environment_of(deployed, Function.SYNC_TASK),
        environment_of(deployed, Function.CHANNEL_RENEWER),
    )
    job = deployed.one("google_cloud_scheduler_job", "channel_renewer").values
    target = job["http_target"][0]
    token = target["oidc_token"][0]
    return [
        *differing("target of tasks", sync.get("CALSYNC_SYNC_TASK_URL"), f"https://sync-task{base}"),
        *differing("audience of tasks", sync.get("CALSYNC_TASKS_AUDIENCE"), f"https://sync-task{base}"),
        *differing("account of tasks", deployed.who(sync.get("CALSYNC_TASKS_INVOKER", "")), "tasks_invoker"),
        *differing("target of the scheduler", target["uri"], f"https://channel-renewer{base}/"),
        *differing("audience of the scheduler", token["audience"], renewer.get("CALSYNC_SCHEDULER_AUDIENCE")),
        *differing(
            "account of the scheduler", deployed.who(token["service_account_email"]), "scheduler_invoker"
        ),
        *differing(
            "account expected of the scheduler",
            deployed.who(renewer.get("CALSYNC_SCHEDULER_INVOKER", "")),
            "scheduler_invoker",
        ),
        *differing(
            "how the scheduler calls", (target["http_method"], job["schedule"]), ("POST", "* * * * *")
        ),
    ]


# --- times and limits -----------------------------------------------------------------------------------


def check_times(deployed: Infrastructure) -> list[str]:
    seconds = {name: service(each)["timeout_seconds"] for name, each in functions(deployed).items()}
    lease = float(Settings.model_fields["lease_s"].default)
    waits = [name for name in ("sync_task", "settings_api") if not lease < seconds[name]]
    deadline = deployed.one("google_cloud_scheduler_job", "channel_renewer").values["attempt_deadline"]
    late = [] if seconds["sync_task"] < ATTEMPT_SECONDS else ["a task is tried again while its last try runs"]
    early = (
        [] if float(deadline.rstrip("s")) > seconds["channel_renewer"] else ["the scheduler waits too short"]
    )
    return [f"{name} is ended before a lease is" for name in waits] + late + early


def check_room(deployed: Infrastructure) -> list[str]:
    """Where the queues let more run than there is room for, a 429 slows all of a queue."""
    config = service(functions(deployed)["sync_task"])
    room = config["max_instance_count"] * config["max_instance_request_concurrency"]
    small = [] if room >= sum(AT_ONCE.values()) else [f"sync_task has room for {room} tasks"]
    threads = [
        f"{name}: THREADS is not its concurrency"
        for name, each in functions(deployed).items()
        if service(each)["environment_variables"].get("THREADS")
        != str(service(each)["max_instance_request_concurrency"])
    ]
    return small + threads


def check_queues(deployed: Infrastructure) -> list[str]:
    """As they are on one machine, where every test runs against them."""
    queues = {each.key: each.values for each in deployed.all("google_cloud_tasks_queue")}
    at_once = {name: each["rate_limits"][0]["max_concurrent_dispatches"] for name, each in queues.items()}
    wanted = {
        name: f"{value.total_seconds():g}s" if hasattr(value, "total_seconds") else value
        for name, value in RETRY.items()
    }
    return differing("tasks at once", at_once, AT_ONCE) + [
        problem
        for name, each in queues.items()
        for problem in differing(
            f"retries of {name}", {key: each["retry_config"][0][key] for key in wanted}, wanted
        )
    ]


# --- the store ------------------------------------------------------------------------------------------


def declared_indexes(deployed: Infrastructure) -> set[Index]:
    found = {
        Index(
            each.values["collection"],
            (each.values["field"],),
            index["query_scope"] == "COLLECTION_GROUP",
            index["array_config"] == "CONTAINS",
        )
        for each in deployed.all("google_firestore_field")
        for config in each.values["index_config"]
        for index in config["indexes"]
    }
    return found | {
        Index(
            each.values["collection"],
            tuple(field["field_path"] for field in each.values["fields"] if field["order"] == "ASCENDING"),
            each.values["query_scope"] == "COLLECTION_GROUP",
        )
        for each in deployed.all("google_firestore_index")
    }


def needed_indexes() -> set[Index]:
    queries = (query for queries in SITES.values() for query in queries)
    return {query.index for query in queries if query.index is not None}


def check_indexes(deployed: Infrastructure) -> list[str]:
    declared, needed = declared_indexes(deployed), needed_indexes()
    return [f"no index for a query: {each}" for each in sorted(needed - declared, key=str)] + [
        f"an index for no query: {each}" for each in sorted(declared - needed, key=str)
    ]


def unindexed(deployed: Infrastructure) -> set[str]:
    return {
        each.values["collection"]
        for each in deployed.all("google_firestore_field")
        if each.values["field"] == "*" and not any(one["indexes"] for one in each.values["index_config"])
    }


def expiring(deployed: Infrastructure) -> set[tuple[str, str]]:
    return {
        (each.values["collection"], each.values["field"])
        for each in deployed.all("google_firestore_field")
        if each.values["ttl_config"]
    }


def check_database(deployed: Infrastructure) -> list[str]:
    values = deployed.one("google_firestore_database").values
    wanted = {
        "type": "FIRESTORE_NATIVE",
        "point_in_time_recovery_enablement": "POINT_IN_TIME_RECOVERY_ENABLED",
        "delete_protection_state": "DELETE_PROTECTION_ENABLED",
        "deletion_policy": "ABANDON",
    }
    return differing("database", {name: values[name] for name in wanted}, wanted)


def check_sources(deployed: Infrastructure) -> list[str]:
    bucket = deployed.one("google_storage_bucket", "source").values
    closed = bucket["uniform_bucket_level_access"] and bucket["public_access_prevention"] == "enforced"
    objects = {
        name: each.values["build_config"][0]["source"][0]["storage_source"][0]["object"]
        for name, each in functions(deployed).items()
    }
    unhashed = [
        f"the sources of {name} are not named by their content: {each}"
        for name, each in objects.items()
        if not re.fullmatch(rf"{name}-[0-9a-f]{{16}}\.zip", each)
    ]
    return unhashed if closed else [*unhashed, "the bucket of sources is not closed"]


def check_places(deployed: Infrastructure) -> list[str]:
    """Everything is in one region."""
    places = {
        (each.address, str(each.values[name]))
        for each in deployed.resources
        for name in ("location", "location_id", "region")
        if each.values.get(name)
    }
    return [f"{address} is in {place}" for address, place in sorted(places) if place != "us-east1"]


CHECKS: tuple[Check, ...] = (
    check_callers,
    check_ingress,
    check_accounts,
    check_rights_of_the_project,
    check_queues_reached,
    check_no_other_grants,
    check_secrets,
    check_no_value_of_a_secret,
    check_settings,
    check_addresses,
    check_times,
    check_room,
    check_queues,
    check_indexes,
    check_database,
    check_sources,
    check_places,
)
