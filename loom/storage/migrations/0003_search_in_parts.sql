-- The full-text index in parts, which storage/search.py makes: it begins anew, and what is stored
-- already is indexed when the profile opens.

DROP TRIGGER message_leaves_search;
DROP TABLE messages_fts;
UPDATE sqlite_sequence SET seq = 0 WHERE name = 'messages_fts';
