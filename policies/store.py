"""Holds the one bundle that decides now, and swaps it for a better one without a gap."""

from __future__ import annotations

from pathlib import Path

from .cases import differences, placed_in
from .decide import Decider, Decision
from .loader import Bundle, PolicyError, load, placed
from .request import Access, DecisionRequest, Principal, SiteVocabulary
from .statements import Finding

CANARY = DecisionRequest(
    Principal("(canary)"), (Access("db.delete", "table", "(canary).(canary)", "(canary)", open=False),)
)


class PolicyStore:
    """The policy of one server. Thread-safe: a bundle is immutable, and swapping it is one assignment."""

    def __init__(self, folder: Path | None, site: SiteVocabulary, bundle: Bundle) -> None:
        self._folder = folder
        self._site = site
        self._decider = Decider(bundle)
        self.degraded: str | None = None

    @classmethod
    def load(cls, folder: Path | None, *, site: SiteVocabulary) -> PolicyStore:
        """Load a folder, or the built-in rules when there is none. Raises `PolicyError`."""
        return cls(folder, site, _proven(load(folder, site), folder))

    def reload(self) -> bool:
        """Load the folder anew. On failure the old bundle stays and `degraded` says why; returns whether it worked."""
        try:
            bundle = _proven(load(self._folder, self._site), self._folder)
        except PolicyError as error:
            self.degraded = str(error.findings[0])
            return False
        self._decider, self.degraded = Decider(bundle), None
        return True

    def possible(self, request: DecisionRequest) -> bool:
        """Whether some call like this could be allowed; see `Decider.possible`."""
        return self._decider.possible(request)

    def decide(self, request: DecisionRequest) -> Decision:
        """The decision on a call; never raises."""
        return self._decider.decide(request)

    @property
    def bundle(self) -> Bundle:
        return self._decider.bundle

    @property
    def digest(self) -> str:
        return self._decider.bundle.digest


def _proven(bundle: Bundle, folder: Path | None) -> Bundle:
    """Ask the bundle something that must be denied: an engine that is not consulted, or allows all, does not start."""
    decision = Decider(bundle).decide(CANARY)
    if decision.effect != "deny" or decision.code != "policy-denied":
        text = "the policy allows, or fails on, what it must deny: a deletion in a closed table"
        raise PolicyError([placed(Finding("rules", 1, text), folder)])
    return bundle


def failures(bundle: Bundle, folder: Path | None) -> list[Finding]:
    """The cases of a bundle that come out otherwise than they say."""
    decider = Decider(bundle)
    return [
        placed(finding, folder)
        for case in bundle.cases
        for finding in placed_in(case, differences(case, decider.decide(case.request)))
    ]
