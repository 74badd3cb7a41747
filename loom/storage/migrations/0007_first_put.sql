-- Since when a row of the outbox lies in mailboxes: a retry puts it again, and does not change this.
ALTER TABLE outbox ADD COLUMN first_put_s INTEGER;
UPDATE outbox SET first_put_s = put_at_s;
