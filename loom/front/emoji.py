"""Emoji and their names."""

from typing import Final

from loom.errors import InvalidInput

_TABLE: Final = """
grinning 😀 smile 😄 grin 😁 laughing 😆 sweat_smile 😅 joy 😂 rofl 🤣 slight_smile 🙂
upside_down 🙃 wink 😉 blush 😊 innocent 😇 heart_eyes 😍 star_struck 🤩
kissing_heart 😘 yum 😋 tongue 😛 zany 🤪 hugging 🤗 thinking 🤔 shushing 🤫
zipper_mouth 🤐 neutral 😐 expressionless 😑 smirk 😏 unamused 😒 rolling_eyes 🙄
grimacing 😬 relieved 😌 pensive 😔 sleepy 😪 drooling 🤤 sleeping 😴 mask 😷 sick 🤒
nauseated 🤢 sneezing 🤧 hot 🥵 cold 🥶 woozy 🥴 dizzy_face 😵 exploding_head 🤯
cowboy 🤠 party 🥳 sunglasses 😎 nerd 🤓 monocle 🧐 confused 😕 worried 😟 open_mouth 😮
hushed 😯 astonished 😲 flushed 😳 pleading 🥺 anguished 😧 fearful 😨 cry 😢 sob 😭
scream 😱 disappointed 😞 sweat 😓 weary 😩 yawning 🥱 angry 😠 rage 😡 skull 💀 poop 💩
clown 🤡 ghost 👻 alien 👽 robot 🤖 see_no_evil 🙈 hear_no_evil 🙉 speak_no_evil 🙊
red_heart ❤️ heart ❤️ orange_heart 🧡 yellow_heart 💛 green_heart 💚 blue_heart 💙
purple_heart 💜 black_heart 🖤 broken_heart 💔 sparkling_heart 💖 fire 🔥 sparkles ✨ star ⭐
boom 💥 hundred 💯 zzz 💤 wave 👋 ok_hand 👌 pinch 🤏 victory ✌ crossed_fingers 🤞
rock 🤘 call_me 🤙 point_left 👈 point_right 👉 point_up 👆 point_down 👇 +1 👍 thumbs_up 👍
-1 👎 thumbs_down 👎 fist ✊ punch 👊 clap 👏 raised_hands 🙌 open_hands 👐 handshake 🤝
pray 🙏 muscle 💪 eyes 👀 brain 🧠 shrug 🤷 facepalm 🤦 dog 🐶 cat 🐱 mouse 🐭 fox 🦊
bear 🐻 panda 🐼 lion 🦁 frog 🐸 monkey 🐵 chicken 🐔 penguin 🐧 owl 🦉 bee 🐝 bug 🐛
butterfly 🦋 snail 🐌 turtle 🐢 snake 🐍 octopus 🐙 whale 🐳 dolphin 🐬 fish 🐟 crab 🦀
flower 🌸 rose 🌹 sunflower 🌻 tree 🌳 cactus 🌵 clover 🍀 leaf 🍃 mushroom 🍄 earth 🌍
moon 🌙 sun 🌞 rainbow 🌈 cloud ☁ umbrella ☔ snowflake ❄ snowman ⛄ zap ⚡ ocean 🌊
apple 🍎 banana 🍌 grapes 🍇 lemon 🍋 cherries 🍒 strawberry 🍓 avocado 🥑 carrot 🥕
bread 🍞 cheese 🧀 pizza 🍕 burger 🍔 taco 🌮 ramen 🍜 sushi 🍣 cookie 🍪 cake 🍰
birthday 🎂 chocolate 🍫 coffee ☕ tea 🍵 beer 🍺 cheers 🍻 wine 🍷 soccer ⚽
basketball 🏀 trophy 🏆 medal 🏅 game 🎮 dice 🎲 chess ♟ art 🎨 music 🎵 guitar 🎸
movie 🎬 gift 🎁 balloon 🎈 tada 🎉 car 🚗 taxi 🚕 bus 🚌 train 🚆 plane ✈ rocket 🚀
ship 🚢 bike 🚲 house 🏠 office 🏢 tent ⛺ mountain ⛰ beach 🏖 map 🗺 clock 🕐
hourglass ⏳ calendar 📅 phone 📱 laptop 💻 keyboard ⌨ printer 🖨 camera 📷 bulb 💡
book 📖 books 📚 pencil ✏ memo 📝 folder 📁 pin 📌 link 🔗 lock 🔒 unlock 🔓 key 🔑
hammer 🔨 wrench 🔧 gear ⚙ magnet 🧲 telescope 🔭 pill 💊 shield 🛡 bomb 💣 warning ⚠
no_entry ⛔ check ✅ cross ❌ question ❓ exclamation ❗ recycle ♻ up ⬆ down ⬇ left ⬅
right ➡ back 🔙 soon 🔜 new 🆕 free 🆓 sos 🆘 bell 🔔 mute 🔇 speech 💬 thought 💭
envelope ✉
"""
EMOJI: Final = dict(zip(_TABLE.split()[::2], _TABLE.split()[1::2], strict=True))
"""By name; of several names for one, the last is the one that is shown."""


def sign_of(text: str) -> str:
    """The sign that is meant: itself, `heart` or `:heart:`.

    Raises:
        InvalidInput: there is no sign of this name.
    """
    word = text.strip()
    if len(word) < 2 or not word.isascii():
        return word
    if (found := EMOJI.get(word.strip(":").lower())) is None:
        raise InvalidInput(what=f"There is no sign named {word[:64]}")
    return found
