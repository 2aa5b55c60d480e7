"""Fills a fresh Redmine with the projects, people and hours of seed.py, over REST."""

import httpx
import seed


def fill(url: str, key: str) -> None:
    with httpx.Client(base_url=url, headers={"X-Redmine-API-Key": key}, trust_env=False, timeout=30) as client:
        fields = {(each["customized_type"], each["name"]): each["id"] for each in client.get("custom_fields.json").json()["custom_fields"]}
        role = next(each["id"] for each in client.get("roles.json").json()["roles"] if each["name"] == "Developer")
        activities = client.get("enumerations/time_entry_activities.json").json()["time_entry_activities"]
        users = {each.number: _user(client, each, fields["user", "Employee Number"]) for each in seed.WORKERS}
        missing = seed.EXPECTED["projects_missing_in_redmine"]
        number_field = fields["project", "Project Number"]
        projects = {each.code: _project(client, each, number_field) for each in seed.PROJECTS if each.code not in missing}
        for worker, project in sorted({(each.worker, each.project) for each in seed.TIME_ENTRIES}):
            _add(client, f"projects/{projects[project]}/memberships", "membership", user_id=users[worker], role_ids=[role])
        for each in seed.TIME_ENTRIES:
            number = _add(
                client,
                "time_entries",
                "time_entry",
                project_id=projects[each.project],
                user_id=users[each.worker],
                spent_on=each.worked_on.isoformat(),
                hours=str(each.hours),
                activity_id=activities[0]["id"],
                comments=f"Work on {each.project}",
            )
            assert number == each.number, (number, each)


def _user(client: httpx.Client, each: seed.Worker, number_field: int) -> int:
    return _add(
        client,
        "users",
        "user",
        login=each.number.lower(),
        firstname=each.given_name,
        lastname=each.family_name,
        mail=each.email,
        password="demo-password",  # noqa: S106
        custom_fields=[{"id": number_field, "value": each.number}],
    )


def _project(client: httpx.Client, each: seed.Project, number_field: int) -> int:
    return _add(
        client,
        "projects",
        "project",
        name=each.name,
        identifier=each.code.lower(),
        is_public=False,
        enabled_module_names=["time_tracking"],
        custom_fields=[{"id": number_field, "value": each.code}],
    )


def _add(client: httpx.Client, path: str, kind: str, **values) -> int:
    """The id of the record that Redmine made."""
    response = client.post(f"{path}.json", json={kind: values})
    assert response.status_code == 201, (path, values, response.status_code, response.text)
    return response.json()[kind]["id"]
