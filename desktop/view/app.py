"""One window with its session and its library, and the theme of the whole application."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence

from PySide6.QtCore import QLibraryInfo, QLocale, QTimer, QTranslator
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication

from backends.core.contract import MezzotintError
from backends.core.worker_messages import WorkerReady
from desktop.additions_room import AdditionsLister
from desktop.darkroom import Darkroom
from desktop.errands import Errands, ShelfLedger, queue_of
from desktop.library.database import Library
from desktop.library.problems import LibraryDamaged
from desktop.library.prompts import recent_texts
from desktop.library.search import find_numbers
from desktop.model.additions import AdditionsDesk
from desktop.model.backends import Backends, BackendState, TryOut
from desktop.model.form import ModelChoice
from desktop.model.language import spoken, tr
from desktop.model.make import Make
from desktop.model.plots import PlotDesk
from desktop.model.problem import Problem, Way
from desktop.model.queue import Entry
from desktop.model.sentences import said
from desktop.model.settings import Settings
from desktop.model.styles import Styles
from desktop.models_room import ModelsRoom
from desktop.plot_keeping import PlotDrawer, read_plots
from desktop.session import Session
from desktop.shelf import Shelf
from desktop.view import bind, icons, theme
from desktop.view.main_window import MainWindow

_QT_WORDS = QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath)


def speak_in_qt(app: QApplication) -> None:
    """Qt's own words, such as Cut and Paste in a field's menu, in the window's language."""
    for before in app.findChildren(QTranslator):
        app.removeTranslator(before)
        before.deleteLater()
    translator = QTranslator(app)
    if translator.load(QLocale(spoken()), "qtbase", "_", _QT_WORDS):
        app.installTranslator(translator)


_CALM_MS = 300
_NEXT = ("desktop.view.gallery.screen", "PIL.Image")


def look_ahead(library: Library) -> None:
    """Reads from the disk what is likely wanted next, while nobody waits for it: the gallery."""
    find_numbers(library)
    for name in _NEXT:
        importlib.import_module(name)


def dress(app: QApplication, settings: Settings | None = None) -> None:
    """Names the application, and gives it the theme that is set or the system's, now and as they change."""
    speak_in_qt(app)
    QGuiApplication.setApplicationDisplayName("Mezzotint")
    app.setApplicationName("Mezzotint")
    chosen = settings or Settings()

    def wear(_: object = None) -> None:
        wear_theme(app, theme.chosen(app, chosen.theme))

    app.styleHints().colorSchemeChanged.connect(wear)
    chosen.events.theme.connect(wear)
    wear()


def wear_theme(app: QApplication, colours: theme.Colours) -> None:
    """Changes every colour there is, icons too."""
    theme.apply(app, colours)
    icons.redraw(app)


class Workshop:
    """One window with its session and its shelf: what the one says, the other hears.

    Every screen is given the workshop, and finds in it what it needs. `reopen` opens the window anew, in
    the language that is chosen, where something can.
    """

    def __init__(
        self,
        session: Session,
        shelf: Shelf,
        models: Sequence[ModelChoice],
        *,
        settings: Settings | None = None,
        styles: Styles | None = None,
    ) -> None:
        self.session, self.shelf, self.errands = session, shelf, Errands()
        self.reopen: Callable[[], None] | None = None
        self.darkroom = Darkroom()
        self.settings, self.styles = settings or Settings(), styles or Styles()
        self.make = Make(
            session,
            models,
            settings=self.settings,
            styles=self.styles,
            ledger=ShelfLedger(shelf),
            reader=self.errands,
        )
        self._additions_lister = AdditionsLister(self.make.not_opened)
        self.additions = AdditionsDesk(self.make.form, self.make.studio, self._additions_lister)
        self.backends = Backends()
        self.try_out = TryOut(session, models, self.settings)
        bind.follow(self.backends, "found", self._learn)
        bind.follow(self.settings, "backend", self._learn)
        self.plots = PlotDesk(make=self.make, drawer=PlotDrawer(self.errands, self.settings))
        self.models_room = ModelsRoom(self)
        self.window = MainWindow(self)
        self.window.form.styles_wanted.connect(self._show_styles)
        self.window.form.refiner.models_wanted.connect(self._show_hub)
        self.make.walk.fetch = self._fetch_prompts
        session.happened.connect(self.plots.take)
        session.happened.connect(self.make.take)
        session.happened.connect(self.try_out.take)
        session.happened.connect(self.models_room.point_out)
        session.ready.connect(self._ready)
        session.stopped.connect(self.make.worker_stopped)
        session.kept.connect(self.make.kept)
        session.not_kept.connect(self.make.not_kept)
        session.kept.connect(self.plots.kept)
        session.not_kept.connect(self.plots.not_kept)
        shelf.troubled.connect(self._library_troubled)
        shelf.told.connect(self._tell)
        shelf.replaced.connect(self._fetch_queue)

    def open(self) -> None:
        """Shows the window; the worker warms up once it is painted, and the disk is its own meanwhile."""
        self.window.show()
        QTimer.singleShot(0, self.session, self.session.start)
        QTimer.singleShot(_CALM_MS, self.shelf, lambda: self.shelf.ask(look_ahead))
        self.shelf.open()
        self._fetch_queue()
        self._fetch_prompts(0)

    def close(self) -> None:
        """Ends the worker; every finished picture is on disk and in the library when this returns."""
        self.make.work.rest()
        self.session.close()
        self.models_room.close()
        self._additions_lister.close()
        self.darkroom.close()
        self.errands.close()
        self.shelf.close()

    def _ready(self, ready: WorkerReady) -> None:
        self.backends.found = tuple(BackendState(each.capabilities, each.reason) for each in ready.survey)
        self.make.studio.hardware = {each.capabilities.id: each.capabilities.name for each in ready.survey}
        if ready.problem is not None:
            self.make.worker_troubled(ready.problem)
        elif ready.backend is not None:
            self.make.worker_ready(ready.backend.name, ready.backend.id)

    def _learn(self, _: object) -> None:
        """What the backend that is chosen can do."""
        state = self.backends.find(self.settings.backend)
        self.make.learn(state.capabilities if state else None)
        state = self.backends.find_for_folders(self.settings.backend)
        self.make.guides.learn(state.capabilities if state else None)

    def _fetch_queue(self) -> None:
        """The queue as the library has it, unless there is one here that it could not be told of."""
        if not self.make.queue.entries:
            self.shelf.ask(queue_of, self._restore_queue)

    def _restore_queue(self, entries: list[Entry]) -> None:
        self.make.work.restore(entries)
        if not self.plots.runs:
            self.errands.run(read_plots, self.plots.restore, self._plots_unread)

    def _plots_unread(self, error: MezzotintError) -> None:
        self.plots.restore(())
        self.make.studio.problem = Problem(error)

    def _fetch_prompts(self, known: int) -> None:
        """More of the prompts of before, for walking through them."""
        self.shelf.ask(lambda library: recent_texts(library, offset=known), self.make.walk.extend)

    def _show_styles(self) -> None:
        from desktop.view.prompts_screen import PromptsScreen  # screens are imported when first shown

        screen = self.window.show_screen("prompts")
        if isinstance(screen, PromptsScreen):
            screen.show_styles()

    def _show_hub(self) -> None:
        from desktop.view.models.screen import ModelsScreen  # as above

        screen = self.window.show_screen("models")
        if isinstance(screen, ModelsScreen):
            screen.show_hub()

    def _library_troubled(self, error: MezzotintError) -> None:
        self.make.studio.problem = library_problem(error, self.shelf)

    def _tell(self, sentence: str) -> None:
        self.make.studio.notice = said(sentence)


def library_problem(error: MezzotintError, shelf: Shelf) -> Problem:
    """A problem with the library, with the ways out that there are."""
    if not isinstance(error, LibraryDamaged):
        return Problem(error)
    ways = [Way(tr("Rebuild from the pictures"), shelf.rebuild)]
    if shelf.has_backup:
        ways.append(Way(tr("Restore a backup"), shelf.restore))
    shown = LibraryDamaged(error.message, "Your pictures are unharmed; only the list of them is.")
    return Problem(shown, ways=tuple(ways))
