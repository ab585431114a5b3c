"""Projects: those one sees, and who may do what in one that one administrates."""

from fastapi import APIRouter

from sdxl_reg.catalog.access.projects import roles_in
from sdxl_reg.catalog.access.users import find_user, set_role
from sdxl_reg.store.database import transaction
from sdxl_reg.vocabulary import Role
from sdxl_reg.web.dependencies import RegistryOf, SessionOf
from sdxl_reg.web.roles import needs, of_project
from sdxl_reg.web.schemas.access import ProjectItem, ProjectRoles, RoleBody, project_items
from sdxl_reg.web.schemas.base import Items

router = APIRouter(prefix="/projects", tags=["access"])
_ADMIN = needs(Role.ADMIN, of_project)


@router.get("", summary="List the projects")
def listed(session: SessionOf) -> Items[ProjectItem]:
    """Those in which one may read, with one's role and how much they hold."""
    return Items(items=project_items(session), next=None)


@router.get("/{project}/roles", summary="Who may do what in a project", dependencies=[_ADMIN])
def roles(session: SessionOf, project: str) -> ProjectRoles:
    """For its admins, and those of the registry."""
    return ProjectRoles(name=project, roles=dict(roles_in(session, project)))


@router.post("/{project}/roles", summary="Give a role in a project", dependencies=[_ADMIN])
def give(registry: RegistryOf, project: str, body: RoleBody) -> ProjectRoles:
    """`{"user": "ben", "role": "writer"}`, or null for none; the user has to be there already."""
    with transaction(registry.engine) as session:
        set_role(session, find_user(session, body.user), project, body.role)
        return ProjectRoles(name=project, roles=dict(roles_in(session, project)))
