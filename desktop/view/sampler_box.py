"""The samplers that the chosen model can be used with."""

from __future__ import annotations

from backends.core.contract import SAMPLERS
from desktop.model.make import Make
from desktop.view import bind
from desktop.view.controls import CalmComboBox


class SamplerBox(CalmComboBox):
    """Follows the form's model. A sampler that another model can't use gives way to that model's own."""

    def __init__(self, make: Make) -> None:
        super().__init__()
        self._make = make
        bind.follow(make.form, "model", self._offer)
        make.studio.events.models.connect(self._offer)
        bind.choice(self, make.form, "sampler")

    def _offer(self, _: object = None) -> None:
        form, choice = self._make.form, self._make.models.get(self._make.form.model)
        offered = (choice.samplers if choice else ()) or tuple(SAMPLERS)
        self.clear()
        for sampler in offered:
            self.addItem(SAMPLERS[sampler], sampler)
        if choice is not None and form.sampler not in offered:
            form.sampler = choice.defaults.sampler
        self.setCurrentIndex(self.findData(form.sampler))
