"""What a service does on the stream, as its manifest says."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, model_validator

from stacks.yaml_file import Frozen

TopicName = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,249}$")]
GroupName = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,255}$")]


class StreamAccess(Frozen):
    """Topics that the tasks read and write, and the consumer groups that they read in.

    A service's groups begin with its name; to follow a topic takes none. Each has the topics that it reads: a
    list of groups is read as groups of all of `reads`.
    """

    reads: list[TopicName] = Field(default_factory=list)
    writes: list[TopicName] = Field(default_factory=list)
    groups: dict[GroupName, list[TopicName]] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _of_all_topics(cls, given: Any) -> Any:
        if isinstance(given, dict) and isinstance(given.get("groups"), list):
            return {**given, "groups": {group: given.get("reads", []) for group in given["groups"]}}
        return given

    def check(self, service: str, *, needed: bool, watched: tuple[str, str] | None) -> None:
        """``watched`` are topic and group that the service scales by.

        Raises:
            ValueError: what is listed does not fit the service or its needs.
        """
        topics = [*self.reads, *self.writes]
        if needed and not topics:
            raise ValueError(
                "needs the stream and no topic of it; list some in stream.reads or stream.writes"
            )
        if topics and not needed:
            raise ValueError("stream lists topics, and needs lacks `stream`; add it, or remove them")
        for group, read in self.groups.items():
            if strange := sorted(set(read).difference(self.reads)):
                raise ValueError(
                    f"stream.groups lets {group!r} read {strange[0]}, which the service does not read;"
                    " list it in stream.reads"
                )
            if group != service and not group.startswith(f"{service}."):
                raise ValueError(
                    f"stream.groups names {group!r}, which is not {service}'s;"
                    f" call it {service!r}, or let it begin with {service + '.'!r}"
                )
        if watched and watched[0] not in self.groups.get(watched[1], []):
            raise ValueError(
                f"scaling.lag watches {watched[1]} on {watched[0]}, which the service does not read;"
                " list them in stream.groups and stream.reads"
            )
