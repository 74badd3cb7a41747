"""Proposals to the councils of a room: what each would do, and one's own vote."""

from functools import partial
from typing import Final

from loom.api.events import AnyEvent, RoomPosted
from loom.api.room_commands import ListProposals, VoteOnProposal
from loom.api.room_views import PostView
from loom.front.room_lines import proposal_lines
from loom.printable import printable
from loom.tui.kit.items import GAP, Button, Fact, Field, Item, Row, Text
from loom.tui.kit.live import LivePanel
from loom.tui.owner import Owner
from loom.tui.rooms.panel import PostLivePanel
from loom.tui.themes import Piece

AGREE: Final = "Agree"
YES: Final = "yes"


class ProposalsPanel(LivePanel):
    """The newest first."""

    heading = "Proposals"

    def __init__(self, loom: Owner, room_id: str) -> None:
        super().__init__(loom)
        self.loom = loom
        self._room_id = room_id
        self._found: list[PostView] | None = None

    async def load(self) -> None:
        """See `LivePanel.load`."""
        self._found = (await self.loom.send(ListProposals(room=self._room_id))).posts[::-1]

    def concerns(self, event: AnyEvent) -> bool:
        """See `LivePanel.concerns`."""
        if not isinstance(event, RoomPosted) or event.proposal is None:
            return False
        return event.room_id == self._room_id

    def on_screen_resume(self) -> None:
        """One of them may have been voted on."""
        super().on_screen_resume()
        if self._found is not None:
            self.work(self.load(), name="load")

    def items(self) -> list[Item]:
        """See `Panel.items`."""
        if self._found is None:
            return []
        if not self._found:
            return [Text("Nothing was proposed here.", "hint")]
        return [self._row(one) for one in self._found]

    def _row(self, post: PostView) -> Row:
        line: list[Piece] = []
        if post.proposal is not None:
            what, *_, state = proposal_lines(post.proposal)
            line = [Piece(printable(what), "name"), Piece(f"  {printable(state)}", "hint")]
        return Row(f"proposal {post.post_id}", line, partial(self._open, post.post_id))

    def _open(self, post_id: str) -> None:
        self.loom.push_screen(ProposalPanel(self.loom, self._room_id, post_id))


class ProposalPanel(PostLivePanel):
    """One of them. A yes is for good, so it wants the word typed."""

    heading = "A proposal"

    def __init__(self, loom: Owner, room_id: str, post_id: str) -> None:
        super().__init__(loom, room_id, post_id)
        self._yes = Field(AGREE, self._do_agree)

    def holds(self, post: PostView) -> bool:
        """See `PostLivePanel.holds`."""
        return post.proposal is not None

    def items(self) -> list[Item]:
        """See `Panel.items`."""
        post = self.post
        if post is None or post.proposal is None:
            return []
        proposal = post.proposal
        what, *fate, _ = proposal_lines(proposal)
        who = "you" if post.own else post.author
        items: list[Item] = [
            Text(what, "title"),
            *(Text(one, "warn") for one in fate),
            GAP,
            Fact("Proposed by", who),
            *([Fact("Because", post.body)] if post.body else []),
            *self._votes(post),
            GAP,
        ]
        if not proposal.may_vote:
            return [*items, Text(_why_not(post), "hint")]
        if YES in proposal.may_vote:
            why = f"To agree, type {YES} and press Enter: nobody takes a yes back."
            items += [Text(why, "warn"), self._yes]
        if "no" in proposal.may_vote:
            items.append(Button("Say no", self._do_refuse, "you may agree later"))
        return items

    def _votes(self, post: PostView) -> list[Item]:
        if post.proposal is None:
            return []
        votes = post.proposal.votes
        said = {
            word: ", ".join(printable(one.author) for one in votes if one.vote == word)
            for word in (YES, "no")
        }
        state = proposal_lines(post.proposal)[-1].split(" (")[0]
        return [
            *(Fact(f"Said {word}", names) for word, names in said.items() if names),
            Fact("It is", state, "notice"),
        ]

    def _do_agree(self) -> None:
        if self._yes.text.strip().casefold() != YES:
            self.refuse(self._yes, f"Nothing was done: type {YES}.")
            return
        self._vote(yes=True)

    def _do_refuse(self) -> None:
        self._vote(yes=False)

    def _vote(self, *, yes: bool) -> None:
        async def vote() -> None:
            command = VoteOnProposal(room=self.room_id, post_id=self.post_id, yes=yes)
            self.post = await self.loom.send(command)
            self._yes.clear()

        self.work(vote(), name="vote")


def _why_not(post: PostView) -> str:
    proposal = post.proposal
    if proposal is not None and proposal.own_vote:
        return f"You said {proposal.own_vote}."
    return "You have no vote in this council, or it is decided."
