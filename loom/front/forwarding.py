"""Sending on what somebody wrote or offered, as one's own: to a contact, or in a room."""

from loom.api.command import Command
from loom.api.file_commands import SendFile
from loom.api.message_commands import SendText
from loom.api.message_views import MessageView
from loom.api.room_commands import PostFile, SendPost
from loom.api.room_views import PostView
from loom.errors import FileNotHere, InvalidInput
from loom.front.outgoing_files import InRoom

Said = MessageView | PostView


def send_on(said: Said, to: str | InRoom) -> Command[MessageView] | Command[PostView]:
    """Say it again there; a file is offered with its caption, under other keys.

    Raises:
        InvalidInput: it is no text and no file, or was deleted.
        FileNotHere: the content of the file is not here.
    """
    file = said.file
    if said.deleted or (file is None and said.kind != "text"):
        raise InvalidInput(what="Only texts and files that are still there are forwarded")
    if file is not None and not file.is_here:
        raise FileNotHere(name=file.name)
    if isinstance(to, InRoom):
        if file is None:
            return SendPost(room=to.room, channel=to.channel, thread=to.thread, body=said.body)
        return PostFile(
            room=to.room,
            channel=to.channel,
            thread=to.thread,
            file_id=file.file_id,
            caption=said.body,
        )
    if file is None:
        return SendText(contact=to, body=said.body)
    return SendFile(contact=to, file_id=file.file_id, caption=said.body)
