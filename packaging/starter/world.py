"""The vocabulary of the starter model as data: what can be in a picture, and what people call it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Literal

Kind = Literal["subject", "food", "object"]


@dataclass(frozen=True)
class Concept:
    """Something that can be drawn: its usual name, its icon in both sets, and other words for it."""

    name: str
    kind: Kind
    icon: str
    plural: str
    synonyms: tuple[str, ...] = ()


@dataclass(frozen=True)
class Backdrop:
    """What is behind the subject: a scene with its phrases, or (with `rgb`) a plain colour with its words."""

    name: str
    phrases: tuple[str, ...]
    nouns: tuple[str, ...]
    rgb: tuple[int, int, int] | None = None


def _concepts(kind: Kind, table: str) -> list[Concept]:
    """Read lines of `name [= icon] [/ plural] [, synonym ...]`."""
    return [_concept(kind, line.strip()) for line in table.strip().splitlines()]


def _concept(kind: Kind, line: str) -> Concept:
    head, *synonyms = [part.strip() for part in line.split(",")]
    head, _, plural = (part.strip() for part in head.partition("/"))
    name, _, icon = (part.strip() for part in head.partition("="))
    return Concept(name, kind, icon or name.replace(" ", "-"), plural or name + "s", tuple(synonyms))


def _scenes(table: str) -> list[Backdrop]:
    """Read lines of `name: phrases: nouns`."""
    lines = [[part.strip() for part in line.split(":")] for line in table.strip().splitlines()]
    return [Backdrop(name, _words(phrases), _words(nouns)) for name, phrases, nouns in lines]


def _words(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(","))


SUBJECTS = _concepts("subject", """
    panda, panda bear
    fox / foxes, red fox
    owl
    cat = cat-face, kitten, kitty, pussycat
    dog = dog-face, puppy, doggy, hound
    lion
    tiger = tiger-face
    bear, brown bear
    koala, koala bear
    rabbit = rabbit-face, bunny, hare
    mouse = mouse-face / mice
    cow = cow-face, calf
    pig = pig-face, piglet, piggy
    frog, toad
    monkey = monkey-face, chimp
    chicken, hen, rooster
    penguin
    chick = baby-chick, baby chicken
    duck, duckling
    eagle, hawk
    swan
    flamingo / flamingos
    peacock
    parrot
    bat
    wolf / wolves
    horse = horse-face, pony
    unicorn
    bee = honeybee, honeybee, bumblebee
    butterfly / butterflies
    snail
    ladybird = lady-beetle, ladybug
    turtle, tortoise
    snake, serpent
    dragon = dragon-face
    dinosaur = t-rex, t-rex
    sauropod, brontosaurus, brachiosaurus
    whale = spouting-whale
    dolphin
    fish / fish
    tropical fish = tropical-fish / tropical fish
    pufferfish = blowfish / pufferfish, blowfish
    shark
    octopus / octopuses
    crab
    lobster
    squid
    crocodile, alligator
    leopard, cheetah
    zebra
    gorilla, ape
    elephant
    rhino = rhinoceros, rhinoceros
    camel = two-hump-camel
    giraffe
    kangaroo
    sheep = ewe / sheep, lamb
    goat
    llama, alpaca
    deer / deer, stag
    hedgehog
    raccoon
    sloth
    robot, android
    ghost, spirit
    alien, extraterrestrial
    pumpkin = jack-o-lantern, jack-o-lantern
    snowman = snowman-without-snow / snowmen
    teddy bear = teddy-bear, teddy
    hamster
""")  # fmt: skip
FOODS = _concepts("food", """
    banana
    apple = red-apple, red apple
    grapes / grapes, bunch of grapes
    watermelon, melon
    lemon
    strawberry / strawberries
    cherries / cherries, cherry
    pineapple
    carrot
    pizza, slice of pizza
    taco
    hamburger, burger, cheeseburger
    french fries / french fries, fries, chips
    hot dog
    doughnut, donut
    cookie, biscuit
    ice cream = ice-cream
    soft ice cream = soft-ice-cream, ice cream cone
    birthday cake, cake
    cupcake, muffin
    croissant
    sushi / sushi
    cheese = cheese-wedge
    popcorn / popcorn
    bread, loaf of bread
    lollipop
    avocado
    pancakes / pancakes, pancake
""")  # fmt: skip
OBJECTS = _concepts("object", """
    balloon
    rocket, spaceship, rocket ship
    car = automobile, automobile
    bicycle, bike
    airplane, plane, aeroplane
    sailboat, boat, sailing boat
    bus / buses
    house
    castle
    tent
    trophy / trophies
    crown
    key
    camera
    guitar
    drum
    umbrella
    present = wrapped-gift, gift
    star
    cactus / cacti
    palm tree = palm-tree, palm
    tulip
    rose
    sunflower
    football = soccer-ball, soccer ball, ball
    kite
    hat = top-hat, top hat
    light bulb = light-bulb, lightbulb, lamp
    alarm clock = alarm-clock, clock
    candle
    mushroom, toadstool
    train = locomotive, locomotive
""")  # fmt: skip
CONCEPTS: list[Concept] = SUBJECTS + FOODS + OBJECTS
INDEX = {concept.name: number for number, concept in enumerate(CONCEPTS)}

SCENES = _scenes("""
    beach: at the beach, on the beach, on a beach, on the sand, by the sea, at the seaside: beach, seaside
    forest: in the forest, in a forest, in the woods, among the trees, in the wood: forest, woods, woodland
    meadow: in a meadow, in the meadow, in a field of flowers, in a field, on the grass, \
        in a garden, in the park: meadow, field of flowers, field, garden
    snow: in the snow, in snow, on the snow, in a snowy landscape, in winter: snow, winter, snowy
    night: at night, under the moon, in the moonlight, under the stars, by night, in the night: \
        night, night-time, moonlight
    space: in space, in outer space, in the galaxy, among the stars, in the cosmos: space, outer space, galaxy
    underwater: underwater, under water, under the sea, in the ocean, in the sea, in the water: \
        underwater, ocean, undersea
    city: in the city, in a city, on a city street, in the street, in town, downtown: city, street, \
        city street
    sunset: at sunset, at dusk, in the sunset, in the evening, at sundown: sunset, dusk, evening
    desert: in the desert, in a desert, in the dunes, among the dunes: desert, dunes
""")  # fmt: skip
COLOURS = [
    Backdrop("red", (), ("red",), (226, 38, 45)),
    Backdrop("orange", (), ("orange",), (255, 132, 38)),
    Backdrop("yellow", (), ("yellow",), (252, 211, 62)),
    Backdrop("green", (), ("green",), (66, 168, 76)),
    Backdrop("blue", (), ("blue",), (38, 98, 214)),
    Backdrop("purple", (), ("purple", "violet"), (128, 66, 176)),
    Backdrop("pink", (), ("pink",), (255, 152, 190)),
    Backdrop("brown", (), ("brown",), (134, 94, 66)),
    Backdrop("grey", (), ("grey", "gray"), (154, 156, 158)),
    Backdrop("white", (), ("white", "plain white"), (246, 246, 246)),
    Backdrop("black", (), ("black",), (20, 20, 24)),
    Backdrop("light blue", (), ("light blue", "sky blue"), (150, 208, 246)),
]
BACKDROPS = {backdrop.name: backdrop for backdrop in SCENES + COLOURS}


def held_out(first: str, other: str) -> bool:
    """True for the one in twenty (concept, concept) or (concept, backdrop) pairs never shown in training."""
    digest = hashlib.sha256(f"{first}|{other}".encode()).digest()
    return digest[0] * 256 + digest[1] < 65536 // 20
