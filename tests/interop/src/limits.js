/** The numbers of PROTOCOL 11 that this implementation needs. */

export const TOKEN_CHARACTERS = 111;
export const TEXT_MAX_BYTES = 16_384;
export const NAME_MAX_BYTES = 256;
export const STATUS_MAX_BYTES = 256;
export const DELETE_MAX_IDS = 100;
export const EDITS_MAX = 20;
export const REACTION_MAX_BYTES = 64;
export const TIMER_MIN_S = 5;
export const TIMER_MAX_S = 31_536_000;
export const RECEIPT_MAX_IDS = 1_000;
export const PAYLOAD_MAX_BYTES = 40_960;
export const PAYLOAD_DEPTH_MAX = 16;

export const LINK_CLEAR_BYTES = 40;
export const LINK_HANDSHAKE_MAX_BYTES = 2_048;
export const LINK_CLEAR_TIMEOUT_S = 2;
export const LINK_HANDSHAKE_TIMEOUT_S = 5;
export const LINK_DAY_SKEW_DAYS = 1;
export const LINKS_PER_MINUTE_MAX = 30;
export const RECORD_BUCKETS = [64, 4_160, 16_448, 61_504];
export const REKEY_AFTER_RECORDS = 16_384;
export const KEEPALIVE_S = 30;
export const IDLE_TIMEOUT_S = 90;
export const RECORD_MIN_BYTES_PER_S = 1_024;
export const RECORD_GRACE_S = 5;

export const BUNDLE_ONCE_LIFETIME_S = 604_800;
export const BUNDLE_LAST_LIFETIME_S = 3_024_000;
export const BUNDLE_MAIL_LIFETIME_S = 3_024_000;
export const BUNDLE_FUTURE_SKEW_S = 86_400;
export const BUNDLE_REQUESTS_PER_HOUR = 10;
export const COUNTER_FUTURE_MS = 86_400_000;
export const SESSION_UNCONFIRMED_RESTART_S = 600;
export const SESSION_SUPERSEDED_S = 3_600;
export const SESSIONS_MAX = 8;
export const DESYNC_RESTARTS_MAX = 3;
export const DESYNC_RESTART_INTERVAL_S = 3_600;

export const ENVELOPE_BUCKETS = [4_096, 16_384, 61_440];
export const MAX_SKIP = 2_000;
export const MAX_SKIPPED_STORED = 4_000;
export const STORED_CHAINS_MAX = 5;
export const SKIPPED_LIFETIME_S = 3_024_000;
export const HOLD_CHAINS = 4;

export const EPOCH_S = 900;
export const EPOCH_SKEW = 4;
export const PRESENCE_BUCKETS = [16, 32, 64, 128];
export const PRESENCE_TAGS_PER_STRING = 30;
export const ADVERT_ADDRESSES_MAX = 32;

export const CHAIN_LIFETIME_S = 2_592_000;
export const ENVELOPE_MEMORY_S = 3_456_000;
export const SEALED_BEYOND_RECEIVED_MAX = 2_000;
export const TEXTS_BEYOND_RECEIVED_MAX = 1_000;
export const SEALED_BEYOND_OLDEST_MAX = 4_000;

export const MAILBOXES_MAX = 4;
export const MAILBOX_ADDRESSES_MAX = 4;
export const MAIL_LIFETIME_S = 2_592_000;

export const ROOM_EVENT_MAX_BYTES = 36_864;
export const ROOM_EVENTS_MAX = 256;
export const ROOM_MEMBERS_MAX = 128;
export const ROOM_OFFICERS_MAX = 64;
export const ROOM_CHANNELS_MAX = 64;
export const ROOM_CHANNEL_MAX_BYTES = 64;
export const ROOM_STATEMENTS_MAX = 512;
export const ROOM_COUNCIL_MAX = 15;
export const ROOM_COUNCIL_THRESHOLD_MAX = 8;
export const ROOM_HISTORY_MAX = 1_000_000;
export const ROOM_RETENTION_MIN_S = 3_600;
export const ROOM_RETENTION_MAX_S = 2_592_000;
export const ROOM_DELETE_MAX_IDS = 100;
export const ROOM_POLL_OPTIONS_MAX = 12;
export const ROOM_HINTS_MAX = 8;
export const ROOM_ORDER_STEP_MAX = 1_000;
export const ROOM_BLOCK_NUMBERS = 256;
export const ROOM_HAVE_ROWS_MAX = 512;
export const ROOM_HAVE_IDS_MAX = 1_024;

export const FILE_CHUNK_BYTES = 262_144;
export const FILE_CHUNKS_MAX = 65_536;
export const FILE_MAX_BYTES = 17_179_869_184;
export const FILE_NAME_MAX_BYTES = 255;
export const FILE_TYPE_MAX_BYTES = 127;
export const FILE_THUMBNAIL_MAX_BYTES = 9_216;
export const FILE_PART_MAX_BYTES = 61_479;
export const FILE_ASKED_MAX = 16;
