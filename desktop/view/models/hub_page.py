"""Models that could be fetched: licence, size and fit of each before that, and any other by its name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import (
    QFrame,
    QLabel,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from desktop.model.hub import HubDesk, Offer, Wish
from desktop.model.language import tr
from desktop.view import bind, theme
from desktop.view.controls import Fold, quiet, row, scrolling
from desktop.view.icons import wear
from desktop.view.models.verdicts import SIGNS, words_of
from desktop.view.settings_parts import wrapped
from desktop.view.text import ProseLabel

if TYPE_CHECKING:
    from desktop.view.app import Workshop


class HubPage(QWidget):
    """Binds to the hub's desk; `back` leads to the models that are here."""

    def __init__(self, workshop: Workshop, desk: HubDesk) -> None:
        super().__init__()
        self._workshop, self._desk, self._hub = workshop, desk, desk.hub
        self.back = QPushButton(tr("Back to the models here"))
        self.question, self.notice = Question(desk), wrapped()
        self.rows: dict[str, OfferRow] = {}
        self.checked: OfferRow | None = None
        self.repo, self.look_up = QLineEdit(), QPushButton(tr("Look it up"))
        self.found = QVBoxLayout()
        self.token, self.keep = QLineEdit(), QPushButton(tr("Keep it"))
        self.signing = Fold(tr("Models that ask who you are"), self._signing())
        self._offers = QVBoxLayout()
        self._waiting = quiet(tr("Looking what there is"))
        self._lay_out()
        self._connect()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._desk.refresh()

    def _connect(self) -> None:
        self.look_up.clicked.connect(lambda: self._desk.look_up(self.repo.text()))
        self.repo.returnPressed.connect(self.look_up.click)
        self.repo.textChanged.connect(lambda text: self.look_up.setEnabled("/" in text))
        self.keep.clicked.connect(self._keep_token)
        self.token.textChanged.connect(lambda text: self.keep.setEnabled(bool(text.strip())))
        bind.follow(self._hub, "offers", self._show_offers)
        bind.follow(self._hub, "checked", self._show_checked)
        bind.follow(self._hub, "looking", self._show_looking)
        bind.follow(self._hub, "notice", self._show_notice)
        models = self._workshop.models_room.desk.models
        models.events.cards.connect(lambda _: self._show_states())
        models.events.chores.connect(lambda _: self._show_states())

    def _show_offers(self, offers: tuple[Offer, ...]) -> None:
        self._waiting.setVisible(not offers)
        if [*self.rows] == [offer.name for offer in offers]:
            for offer in offers:
                self.rows[offer.name].show_fits(offer)
            return
        for name in [*self.rows]:
            gone = self.rows.pop(name)
            self._offers.removeWidget(gone)
            gone.hide()
            gone.deleteLater()
        for offer in offers:
            self.rows[offer.name] = OfferRow(self._workshop, self._desk, offer)
            self._offers.addWidget(self.rows[offer.name])
        self._show_states()

    def _show_checked(self, offer: Offer | None) -> None:
        while item := self.found.takeAt(0):
            if widget := item.widget():
                widget.hide()
                widget.deleteLater()
        self.checked = OfferRow(self._workshop, self._desk, offer) if offer else None
        if self.checked is not None:
            self.found.addWidget(self.checked)
            self._show_states()

    def _show_looking(self, repo: str) -> None:
        self.look_up.setText(tr("Asking the hub") if repo else tr("Look it up"))
        self.look_up.setEnabled(not repo and "/" in self.repo.text())

    def _show_notice(self, words: str) -> None:
        self.notice.setText(words)
        self.notice.setVisible(bool(words))

    def _show_states(self) -> None:
        models = self._workshop.models_room.desk.models
        here, coming = {card.name for card in models.cards}, {c.title for c in models.chores if c.source}
        for line in [*self.rows.values(), *([self.checked] if self.checked else [])]:
            line.show_state(line.offer.name in here, line.offer.name in coming)

    def _keep_token(self) -> None:
        self._desk.keep_token(self.token.text())
        self.token.clear()

    def _signing(self) -> QWidget:
        self.token.setEchoMode(QLineEdit.EchoMode.Password)
        self.token.setAccessibleName(tr("The hub's token"))
        self.token.setPlaceholderText(tr("The hub's token"))
        self.keep.setEnabled(False)
        body = QWidget()
        layout = QVBoxLayout(body)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(
            wrapped(
                tr(
                    "Some models are given only to people who accepted their terms on the hub's page. The "
                    "token says that it is you. It is kept in the system's keyring; only the hub gets it."
                )
            )
        )
        layout.addLayout(row(self.token, self.keep))
        return body

    def _lay_out(self) -> None:
        self.notice.setObjectName("warningText")
        self.repo.setPlaceholderText(tr("owner/name, as on the hub"))
        self.repo.setAccessibleName(tr("Another model, by its name on the hub"))
        self.look_up.setEnabled(False)
        wear(self.back, "back")
        head = row(self.back)
        head.addStretch(1)
        body = QWidget()
        inside = QVBoxLayout(body)
        inside.setContentsMargins(0, 0, theme.GRID, theme.MARGIN)
        inside.setSpacing(12)
        inside.addWidget(self._waiting)
        inside.addLayout(self._offers)
        inside.addWidget(_heading(tr("Another model, by its name on the hub")))
        inside.addLayout(row(self.repo, self.look_up))
        inside.addLayout(self.found)
        inside.addWidget(self.signing)
        inside.addStretch(1)
        self._offers.setSpacing(theme.GRID)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(12)
        layout.addLayout(head)
        layout.addWidget(self.question)
        layout.addWidget(self.notice)
        layout.addWidget(scrolling(body), 1)


class Question(QFrame):
    """Shown while Offline is on and somebody wants what needs the network."""

    def __init__(self, desk: HubDesk) -> None:
        super().__init__()
        self.setObjectName("section")
        self.words = wrapped()
        self.allow, self.stay = QPushButton(tr("Turn Offline off and go on")), QPushButton(tr("Stay offline"))
        self.allow.clicked.connect(desk.allow)
        self.stay.clicked.connect(desk.stay_offline)
        layout = row(self.words, self.allow, self.stay)
        layout.setContentsMargins(12, theme.GRID, 12, theme.GRID)
        layout.setStretch(0, 1)
        self.setLayout(layout)
        bind.follow(desk.hub, "asked", self._show)

    def _show(self, wish: Wish | None) -> None:
        self.setVisible(wish is not None)
        if wish is not None:
            self.words.setText(
                tr(
                    "Offline is on. To get {name}, Mezzotint asks the hub for it and for nothing else; "
                    "the switch stays off until you turn it on again.",
                    name=wish.title or wish.source,
                )
            )
            self.allow.setFocus()


class OfferRow(QFrame):
    """One model that could be fetched, and the button that does."""

    def __init__(self, workshop: Workshop, desk: HubDesk, offer: Offer) -> None:
        super().__init__()
        self.setObjectName("section")
        self.offer, self.button = offer, QPushButton(tr("Download"))
        self.title, self.about, self.words = QLabel(offer.title), wrapped(), ProseLabel(offer.words)
        self._backends, self._fits = workshop.backends, QVBoxLayout()
        self.fits: list[ProseLabel] = []
        self.button.setAccessibleName(tr("Download {name}", name=offer.title))
        self.button.clicked.connect(lambda: desk.download(offer))
        self.about.setText(f"{offer.size}. {tr('Licence: {name}', name=offer.licence)}")
        self.about.setToolTip(offer.checked and tr("Looked up: {what}", what=offer.checked))
        lines = QVBoxLayout()
        lines.setSpacing(4)
        self.words.setVisible(bool(offer.words))
        for widget in (self.title, self.words, self.about):
            lines.addWidget(widget)
        lines.addLayout(self._fits)
        self.show_fits(offer)
        layout = row()
        layout.setContentsMargins(12, theme.GRID, 12, theme.GRID)
        layout.addLayout(lines, 1)
        layout.addWidget(self.button, 0, Qt.AlignmentFlag.AlignTop)
        self.setLayout(layout)
        font = theme.body_font()
        font.setWeight(font.Weight.DemiBold)
        self.title.setFont(font)
        self.title.setTextFormat(Qt.TextFormat.PlainText)

    def show_fits(self, offer: Offer) -> None:
        """On which backends it runs here, and in how much memory."""
        for label in self.fits:
            self._fits.removeWidget(label)
            label.hide()
            label.deleteLater()
        if offer.verdicts is None:
            words = [tr("Looking what it needs here")]
        else:
            found = [f"{SIGNS[each.sign]}  {words_of(each, self._backends)}" for each in offer.verdicts]
            words = found or [tr("Nothing on this computer runs it.")]
        self.fits = [ProseLabel(each) for each in words]
        for label in self.fits:
            self._fits.addWidget(label)

    def show_state(self, here: bool, coming: bool) -> None:
        """Whether it is installed, or on its way: then there is nothing to do here."""
        words = tr("It is here") if here else tr("On its way") if coming else tr("Download")
        self.button.setText(words)
        self.button.setEnabled(not here and not coming)


def _heading(words: str) -> QLabel:
    label = QLabel(words)
    label.setObjectName("caption")
    return label
