"""Routes of registered models, their differences and their aliases."""

from http import HTTPStatus

from jupyter_server.auth.decorator import authorized
from tornado import web

from jupyter_extension import models, registration
from jupyter_extension.route import Route, quoted
from kd_pipeline.errors import InvalidInput, ModelNotFound
from kd_pipeline.messages.sidebar_models import AliasTarget, Description, Registration

# Other tools may have registered any name; a segment is matched before its escapes are resolved.
MODEL = r"(?P<name>[^/]{1,253})/(?P<version>[^/]{1,253})"
ALIAS = r"(?P<name>[^/]{1,253})/(?P<alias>[^/]{1,253})"


class NamedRoute(Route):
    """A route whose path names a model: in letters that a sentence can say."""

    async def prepare(self) -> None:  # type: ignore[override]  # as the server's own does
        """Raise ModelNotFound for what nothing can be called."""
        await super().prepare()
        for word in self.path_kwargs.values():
            if not word.isprintable() or word in (".", ".."):
                raise ModelNotFound(f"Nothing is called {quoted(word)} here.")


class ModelsRoute(Route):
    """GET models?known= and POST models."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """Answer every registered version; 204 where it is as it is known."""
        known = self.query({"known"}).get("known", "")
        found = await self.run(models.model_registry, self.pipeline, known)
        if found is None:
            self.set_status(HTTPStatus.NO_CONTENT)
            self.finish()
        else:
            self.finish_json(found)

    @web.authenticated
    @authorized
    async def post(self) -> None:
        """Register a version and answer it: 201, or 200 where the same was there already."""
        wanted = self.body(Registration)
        model, is_new = await self.run(registration.register, self.pipeline, wanted)
        self.finish_json(model, 201 if is_new else 200)


class ModelRoute(NamedRoute):
    """GET and DELETE models/{name}/{version}."""

    @web.authenticated
    @authorized
    async def get(self, name: str, version: str) -> None:
        """Answer one version."""
        self.query(set())
        await self.answer(models.model, self.pipeline, name, version)

    @web.authenticated
    @authorized
    async def delete(self, name: str, version: str) -> None:
        """Delete a version that is neither deployed nor has an alias."""
        await self.run(models.delete, self.pipeline, name, version)
        self.set_status(204)
        self.finish()


class YamlRoute(NamedRoute):
    """GET models/{name}/{version}/yaml."""

    @web.authenticated
    @authorized
    async def get(self, name: str, version: str) -> None:
        """Answer a version's ConfigMap."""
        self.query(set())
        await self.answer(models.as_yaml, self.pipeline, name, version)


class DescriptionRoute(NamedRoute):
    """PUT models/{name}/{version}/description."""

    @web.authenticated
    @authorized
    async def put(self, name: str, version: str) -> None:
        """Change a version's description and answer it."""
        text = self.body(Description).description
        await self.answer(models.describe, self.pipeline, name, version, text)


class DiffRoute(Route):
    """GET diff?one=&other=."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """Answer in which keys two versions differ."""
        given = self.query({"one", "other"})
        one, other = (_version(key, given.get(key, "")) for key in ("one", "other"))
        await self.answer(models.diff, self.pipeline, one, other)


class AliasRoute(NamedRoute):
    """PUT and DELETE aliases/{name}/{alias}."""

    @web.authenticated
    @authorized
    async def put(self, name: str, alias: str) -> None:
        """Move an alias to a version and answer that."""
        version = self.body(AliasTarget).version
        await self.answer(models.set_alias, self.pipeline, name, alias, version)

    @web.authenticated
    @authorized
    async def delete(self, name: str, alias: str) -> None:
        """Delete an alias."""
        await self.run(models.delete_alias, self.pipeline, name, alias)
        self.set_status(204)
        self.finish()


def _version(key: str, text: str) -> tuple[str, str]:
    name, slash, version = text.partition("/")
    if not (name and slash and version) or "/" in version:
        raise InvalidInput(f"{key} is {quoted(text)}; give NAME/VERSION, such as taxi/1.")
    return name, version


ROUTES: list[tuple[str, type[Route]]] = [
    (r"/models", ModelsRoute),
    (rf"/models/{MODEL}", ModelRoute),
    (rf"/models/{MODEL}/yaml", YamlRoute),
    (rf"/models/{MODEL}/description", DescriptionRoute),
    (r"/diff", DiffRoute),
    (rf"/aliases/{ALIAS}", AliasRoute),
]
