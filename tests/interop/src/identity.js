/** Phrase, seeds, card and fingerprint (PROTOCOL 1.1, 1.2). */

import { sha256 } from "@noble/hashes/sha2";
import { wordlist } from "@scure/bip39/wordlists/english";

import { ascii, concat, EMPTY, equal, u32, u8 } from "./bytes.js";
import { dec, enc } from "./encoding.js";
import { InvalidInput, refuse, warn } from "./errors.js";
import { ed25519Public, H, HK, mldsaPublic, split, x25519Public } from "./primitives.js";

export const WORDS = wordlist;
const CARD_LENGTHS = [1, 32, 1_952, 32, 64];

const bits = (bytes) => [...bytes].map((byte) => byte.toString(2).padStart(8, "0")).join("");

/** 24 words for 32 bytes and their checksum of 8 bits. */
export function phraseOf(entropy) {
  const all = bits(concat(entropy, sha256(entropy).subarray(0, 1)));
  return all.match(/.{11}/g).map((place) => WORDS[parseInt(place, 2)]).join(" ");
}

/** The 32 bytes of a phrase; the faults are `count`, `word` and `checksum`, in this order. */
export function entropyOf(phrase) {
  const words = phrase.toLowerCase().split(/\s+/u).filter(Boolean);
  if (words.length !== 24) throw new InvalidInput("count");
  const places = words.map((word) => WORDS.indexOf(word));
  if (places.includes(-1)) throw new InvalidInput("word");
  const all = places.map((place) => place.toString(2).padStart(11, "0")).join("");
  const bytes = Uint8Array.from(all.match(/.{8}/g), (byte) => parseInt(byte, 2));
  const [entropy, checksum] = split(bytes, 32, 1);
  if (!equal(checksum, sha256(entropy).subarray(0, 1))) throw new InvalidInput("checksum");
  return entropy;
}

/** What a node keeps of its identity. */
export function seedsOf(entropy, identityNumber = 0) {
  const [recoveryEd25519Seed, recoveryMldsaSeed] = split(HK(EMPTY, entropy, ascii("LOOM/1 recovery"), 64), 32, 32);
  const info = enc("LOOM/1 identity", u32(identityNumber));
  const [ed25519Seed, mldsaSeed, x25519Seed] = split(HK(EMPTY, entropy, info, 96), 32, 32, 32);
  return {
    ed25519Seed,
    mldsaSeed,
    x25519Seed,
    recoveryEd25519Seed,
    recoveryMldsaSeed,
    recoveryPublic: concat(ed25519Public(recoveryEd25519Seed), mldsaPublic(recoveryMldsaSeed)),
  };
}

/** The seeds with all that follows from them: `card`, `fingerprint`, `x25519`. */
export function identityOf(seeds) {
  const x25519 = x25519Public(seeds.x25519Seed);
  const card = enc(
    u8(1), ed25519Public(seeds.ed25519Seed), mldsaPublic(seeds.mldsaSeed), x25519, H(seeds.recoveryPublic),
  );
  return { ...seeds, x25519, card, fingerprint: fingerprintOf(card) };
}

export const fingerprintOf = (card) => H(enc("LOOM/1 fp", card)).slice(0, 32);

/** The keys of a card that is the pinned one of `contact`; another person's card warns. */
export function pinnedCard(bytes, contact) {
  const [version, ed25519, mldsa, x25519] = dec(bytes, CARD_LENGTHS);
  if (version[0] !== 1) throw refuse("the card has another version");
  if (!equal(fingerprintOf(bytes), contact.fingerprint)) throw warn("the card is another identity's");
  if (!equal(x25519, contact.x25519)) throw warn("the card has another key than the token");
  return { ed25519, mldsa, x25519 };
}
