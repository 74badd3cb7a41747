"""Recovery words against the identity they should bring back."""

import pytest

from loom.api.profile_commands import CheckPhrase
from loom.core.identity import phrase_from_entropy
from loom.errors import InvalidPhrase
from tests.node.harness import World


async def test_only_the_words_of_this_identity_pass(world: World) -> None:
    alice = await world.person("Alice")
    with pytest.raises(InvalidPhrase) as other:
        await alice.do(CheckPhrase(phrase=phrase_from_entropy(b"\x07" * 32)))
    assert "another identity" in str(other.value)
    with pytest.raises(InvalidPhrase):
        await alice.do(CheckPhrase(phrase="twenty four words"))
    assert "secret" not in repr(CheckPhrase(phrase="secret"))
