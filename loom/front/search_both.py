"""What a query finds in conversations and in rooms, newest first."""

from collections.abc import AsyncIterator
from typing import Final

from loom.api.message_views import MessageView
from loom.api.room_views import PostView
from loom.front.search_query import SearchQuery
from loom.front.send import Send

PAGE: Final = 100


async def found(
    send: Send, query: SearchQuery, limit: int
) -> AsyncIterator[MessageView | PostView]:
    """At most `limit` messages and posts, that which came last first, asked for in pages."""
    messages = _messages(send, query, limit) if query.is_of_conversations else _nothing()
    posts = _posts(send, query, limit) if query.is_of_rooms else _nothing()
    message, post = await anext(messages, None), await anext(posts, None)
    for _ in range(limit):
        both = [one for one in (message, post) if one is not None]
        if not both:
            return
        newest = max(both, key=lambda one: one.stored_at_ms)
        yield newest
        if newest is message:
            message = await anext(messages, None)
        else:
            post = await anext(posts, None)


async def _messages(
    send: Send, query: SearchQuery, limit: int
) -> AsyncIterator[MessageView | PostView]:
    before_row = None
    while True:
        page = (await send(query.command(limit=min(limit, PAGE), before_row=before_row))).messages
        for one in page:
            yield one
        if len(page) < min(limit, PAGE):
            return
        before_row = page[-1].row_id


async def _posts(
    send: Send, query: SearchQuery, limit: int
) -> AsyncIterator[MessageView | PostView]:
    before_row, is_more = None, True
    while is_more:
        page = await send(query.posts(limit=min(limit, PAGE), before_row=before_row))
        for one in page.posts:
            yield one
        is_more = page.older and bool(page.posts)
        before_row = page.posts[-1].row_id if page.posts else None


async def _nothing() -> AsyncIterator[MessageView | PostView]:
    return
    yield
