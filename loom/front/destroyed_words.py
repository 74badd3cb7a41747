"""What is left after a profile was destroyed, in words."""

from loom.api.profile_views import Destroyed

REMAINS = (
    "An SSD, a journal or a snapshot of the disk may keep the old keyslot: "
    "then the passphrase alone protects what they keep."
)


def destroyed_words(view: Destroyed) -> list[str]:
    """A sentence or two each: what is gone, who was told, what survives."""
    words = [f"The profile {view.profile} is destroyed on this machine."]
    if not view.is_known:
        words.append(
            "It was not open: contacts were not asked to delete anything, and where its backups "
            "are is not known. Delete them, too."
        )
        return [*words, REMAINS]
    if view.asked:
        words.append(f"{view.told} of {view.asked} contacts were told to delete the conversation.")
    if view.backups:
        words.append("Backups survive: " + ", ".join(view.backups) + ". Copies of them may, too.")
    else:
        words.append("No backup that was made here is left; copies of one may be elsewhere.")
    return [*words, REMAINS]
