"""The text of the model card that goes with the weights."""

from __future__ import annotations

from typing import Any

CARD = """\
---
license: apache-2.0
pipeline_tag: text-to-image
library_name: diffusers
---

# Mezzotint starter model

A small latent diffusion model that draws 128 x 128 pictures of emoji-like animals, foods and objects in
simple scenes. It comes with Mezzotint so that the first run works without a network. It was trained from
nothing by the scripts in `packaging/starter/`, on pictures those scripts compose; no photograph, no scraped
picture and no other model's output is in it.

## What it draws

130 things (70 subjects, 28 foods, 32 objects), ten scenes (beach, forest, meadow, snow, night, space,
underwater, city, sunset, desert) and twelve plain background colours; one thing, two side by side, one
above another, or a subject eating a food; in two styles ("flat style", the default, and "soft style").
Other words are ignored as well as it can. Good settings: guidance 3, 20 steps, 128 x 128.

## How it was made

- Autoencoder: 8 numbers for each 8 x 8 patch, {vae_steps} steps. Reconstructions of held-out pictures:
  {psnr}.
- Text encoder: two minutes of learning to say what captions describe (`teach_text.py`), then kept.
- Denoiser: {samples} samples in {minutes:.0f} minutes on two CPU cores that others used too; velocity
  prediction, zero terminal signal-to-noise ratio, averaged weights, caption dropout 0.1.
- This release's UNet had seen 71,000 samples before those, beside two earlier text encoders whose words
  for subjects had collapsed into one and which were thrown away. For its first 513,000 samples things
  stood at several places and, for 218,000 of them, in several sizes; then each part of a composition got
  one place, which is worth more than all the training before it: pairs are right nearly four times as often.
  In the last 157,000 foods that are eaten stand larger (64 pixels, before 40), so that a taco is a taco.
- Seeds: initial weights 0, autoencoder pictures 1, held-out pictures 2, denoiser pictures 11. Training
  follows the clock, so a second run gives a similar model, not the same one.
- One in twenty pairs (thing and thing, thing and backdrop) was never shown; `held_out` in `world.py` says
  which.

## Limits

Where things stand is always the same: who stands alone in the middle or a little beside it, pairs side by
side or one above the other. How often a judge finds the right things in 300 pictures is in the application's
docs/starter.md. It knows the words of `world.py` and few others, and passes over the rest. Counting, text,
people, faces and photographs are beyond it.

## Licences

The pictures were composed from Fluent Emoji (MIT, Microsoft) and Noto Emoji (Apache-2.0, Google): see NOTICE.
"""


def model_card(figures: dict[str, Any]) -> str:
    """The card with this export's figures."""
    psnr = f"{figures['psnr']:.1f} dB" if figures["psnr"] else "not measured"
    samples = f"{32 * figures['step']:,}"
    return CARD.format(
        psnr=psnr, samples=samples, minutes=figures["minutes"], vae_steps=f"{figures['vae_steps']:,}"
    )
