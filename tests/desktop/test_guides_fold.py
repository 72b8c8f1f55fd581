"""Guides in the window: brought, prepared, set, removed, refused, with real widgets."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QDesktopServices, QGuiApplication, QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QComboBox, QFileDialog
from pytestqt.qtbot import QtBot

from backends.core.contract import PREPARATIONS, Control, GuideRefused, UnreadablePicture
from backends.core.control_pictures import shown
from desktop.library.additions import search_folders
from desktop.model.backends import BackendState
from desktop.model.guides import way_in_words
from desktop.view.app import Workshop
from desktop.view.guides.fold import GuidesFold
from desktop.view.guides.row import GuideRow
from desktop.view.guides.tile import LargeLook
from tests.desktop import still_window, window_kit
from tests.desktop.dropping import drop, mime_of
from tests.desktop.guide_kit import write_net, write_picture
from tests.desktop.still import MODELS
from tests.desktop.still_window import StillShop
from tests.desktop.window_kit import Wait
from tests.fakes import FAKE_BACKEND, square, write_model_configs

shelf, shop, wait, plain = window_kit.shelf, window_kit.shop, window_kit.wait, still_window.still
LEFT = Qt.MouseButton.LeftButton
POSE = '{"people":[{"pose_keypoints_2d":[' + ",".join(["0.5,0.5,1"] * 18) + "]}]}"


@pytest.fixture
def nets(home: Path) -> Path:
    """The folder of ControlNets, with two that fit the model, one that doesn't, and one that is none."""
    folder = search_folders()[0] / "controlnets"
    for name, kind in {"canny": "tiny", "depth-xl": "sdxl"}.items():
        write_net(folder, name, kind)
    write_net(folder, "first-openpose", "tiny", prefix="control_model.")
    (folder / "broken.safetensors").write_bytes(b"no")
    return folder


@pytest.fixture
def still(plain: StillShop, home: Path) -> StillShop:
    """With a model that ControlNets can guide."""
    model = write_model_configs(home / "models" / "able")
    (model / "unet" / "config.json").write_text(
        '{"in_channels": 4, "cross_attention_dim": 32, "block_out_channels": [320]}'
    )
    plain.make.offer([replace(MODELS[0], folder=model, takes_controls=True)])
    return plain


@pytest.fixture
def fold(still: StillShop, nets: Path, wait: Wait) -> GuidesFold:
    """Opened, and the ControlNets are there."""
    fold = still.window.make_screen.guides
    fold.button.click()
    wait(lambda: still.additions.additions.found.nets)
    return fold


@pytest.fixture
def fox(tmp_path: Path) -> Path:
    return write_picture(tmp_path / "fox.png")


@pytest.fixture
def row(fold: GuidesFold, fox: Path, wait: Wait) -> GuideRow:
    """A guide by a picture that was dropped."""
    assert drop(fold.panel.add, mime_of(fox))
    wait(lambda: fold.panel.rows)
    return fold.panel.rows[0]


def choose(box: QComboBox, words: str) -> None:
    """The line of the list, with the keyboard."""
    box.setFocus()
    for key in [Qt.Key.Key_Home, *[Qt.Key.Key_Down] * box.findText(words)]:
        QTest.keyClick(box, key)
    assert box.currentText() == words


def test_a_dropped_picture_guides_with_what_is_set(
    still: StillShop, row: GuideRow, fox: Path, qtbot: QtBot
) -> None:
    assert row.trouble.text() == "Choose a network that reads it (ControlNet)."
    choose(row.net, "canny")
    assert (row.prepare.currentText(), row.trouble.isVisible()) == ("Edges (canny)", False)
    row.weight.setValue(0.6)
    row.start.setValue(10)
    row.end.setValue(80)
    assert row.slider.value() == 6
    qtbot.mouseClick(still.window.form.generate, LEFT)
    wanted = Control(model="canny", image=fox.read_bytes(), prepare="canny", weight=0.6, start=0.1, end=0.8)
    assert still.request.controls == (wanted,)
    still.finish()
    words = still.window.recent.details.values["Guides"].text()
    assert words == "canny: fox.png, Edges (canny), weight 0.6, 10 to 80 % of the steps"
    qtbot.mouseClick(row.remove, LEFT)
    assert still.make.form.guides == ()
    assert still.window.make_screen.guides.button.text() == "Guides"
    qtbot.mouseClick(still.window.recent.details.repeat, LEFT)
    assert still.make.form.next_request().controls == (wanted,)
    assert still.window.make_screen.guides.button.text() == "Guides (1)"


def test_the_map_is_made_by_the_worker_and_shown_beside_the_picture(still: StillShop, row: GuideRow) -> None:
    still.bench.looks[-1][1](square(96, 64, 1), (1200, 800))
    assert (row.picture.picture, row.about.text()) == (square(96, 64, 1), "1200 x 800")
    asked, size, then, _ = still.bench.prepared[-1]
    assert (asked.prepare, size) == ("none", (64, 64))
    then(square(64, 64, 2), (64, 64))
    assert row.map.picture == square(64, 64, 2)
    choose(row.prepare, "Edges (canny)")
    assert row.map.picture is None
    still.bench.prepared[-1][2](square(64, 64, 3), (64, 64))  # of what was chosen on the way there
    asked, _, _, failed = still.bench.prepared[-1]
    assert asked.prepare == "canny"
    failed(UnreadablePicture("It is damaged.", "Use another."))
    assert row.map.words == "It is damaged. Use another."
    still.make.form.width = 128
    still.make.form.width = 192
    still.make.form.width = 256
    assert [size for _, size, _, _ in still.bench.prepared[3:]] == [(128, 64)]
    still.bench.prepared[-1][2](square(64, 32, 3), (128, 64))
    assert still.bench.prepared[-1][1] == (256, 64)
    still.bench.prepared[-1][2](square(64, 16, 4), (256, 64))
    assert row.map.picture == square(64, 16, 4)


@pytest.mark.qt_log_ignore("This plugin does not support")  # popups, where there is no screen
def test_pressed_a_picture_is_large(still: StillShop, row: GuideRow, qtbot: QtBot) -> None:
    still.bench.looks[-1][1](square(96, 64, 1), (1200, 800))
    row.picture.setFocus()
    qtbot.keyClick(row.picture, Qt.Key.Key_Space)
    (large,) = [each for each in QApplication.topLevelWidgets() if isinstance(each, LargeLook)]
    assert large.isVisible()
    assert large.width() >= 480
    large.close()


def test_the_preparations_are_the_contracts(row: GuideRow) -> None:
    ways = [row.prepare.itemData(line) for line in range(row.prepare.count())]
    assert ways == [way for way in PREPARATIONS if way != "pose"]
    assert [row.prepare.itemText(line) for line in range(row.prepare.count())] == list(
        map(way_in_words, ways)
    )


def test_nets_that_fit_come_first_and_the_others_say_why_not(still: StillShop, row: GuideRow) -> None:
    names = [row.net.itemData(line) for line in range(row.net.count())]
    assert (set(names[:2]), set(names[2:])) == ({"canny", "first-openpose"}, {"broken", "depth-xl"})
    choose(row.net, "depth-xl")
    assert row.trouble.text() == "It is for Stable Diffusion XL, and this model is of another kind."
    choose(row.net, "broken")
    assert row.trouble.text().startswith("broken.safetensors is damaged")
    guide = still.make.form.guides[0]
    still.make.form.guides = (replace(guide, model="gone"),)
    assert row.net.currentText() == "gone"
    assert row.trouble.text() == "There is no ControlNet gone here."


def test_a_pose_is_drawn_and_its_preparation_is_fixed(
    still: StillShop, fold: GuidesFold, tmp_path: Path, wait: Wait
) -> None:
    pose = tmp_path / "jump.json"
    pose.write_text(POSE, encoding="utf-8")
    assert drop(fold.panel.add, mime_of(pose))
    wait(lambda: fold.panel.rows)
    row = fold.panel.rows[0]
    assert not row.picture.isVisible()
    assert (row.prepare.count(), row.prepare.currentData(), row.prepare.isEnabled()) == (1, "pose", False)
    choose(row.net, "first-openpose")
    still.make.generate()
    control = still.request.controls[0]
    assert (control.model, control.prepare) == ("first-openpose", "pose")
    assert max(shown(control.image, "pose", (64, 64)).tobytes()) > 0
    (tmp_path / "none.json").write_text("{}", encoding="utf-8")
    drop(fold.panel.add, mime_of(tmp_path / "none.json"))
    wait(lambda: still.make.studio.problem)
    assert "no pose" in still.window.problem.message.text()


def test_depth_is_found_by_a_model_where_there_is_one(
    still: StillShop, nets: Path, row: GuideRow, wait: Wait
) -> None:
    assert not row.by.isVisible()
    choose(row.prepare, "Depth")
    assert row.by.isVisible()
    assert (row.by.currentText(), row.by.count()) == ("A rough estimate", 1)
    folder = nets.parent / "preprocessors" / "depth-small"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text('{"architectures": ["DepthAnythingForDepthEstimation"]}')
    (folder / "model.safetensors").touch()
    still.additions.refresh()
    wait(lambda: row.by.count() == 2)
    choose(row.net, "canny")
    choose(row.prepare, "Depth")
    assert row.by.currentText() == "depth-small"
    still.make.generate()
    assert still.request.controls[0].by == "depth-small"
    asked = still.bench.prepared
    asked[-1][2](square(64, 64, 1), (64, 64))
    assert asked[-1][0].by == "depth-small"
    choose(row.by, "A rough estimate")
    assert still.make.form.guides[0].by == ""


def test_four_are_the_most_and_each_can_be_replaced(
    still: StillShop, fold: GuidesFold, fox: Path, tmp_path: Path, wait: Wait
) -> None:
    for count in range(1, 5):
        drop(fold.panel.add, mime_of(fox))
        wait(lambda count=count: len(fold.panel.rows) == count)
    assert not fold.panel.add.isVisible()
    still.make.guides.bring_guide(fox)
    wait(lambda: still.make.studio.problem)
    assert "4 guides already" in still.window.problem.message.text()
    owl = write_picture(tmp_path / "owl.png", "brown")
    assert drop(fold.panel.rows[2], mime_of(owl))
    wait(lambda: fold.panel.rows[2].name.text() == "owl.png")
    assert [each.picture.name for each in still.make.form.guides] == [
        "fox.png",
        "fox.png",
        "owl.png",
        "fox.png",
    ]
    fold.panel.rows[0].remove.click()
    assert [row.name.text() for row in fold.panel.rows] == ["fox.png", "owl.png", "fox.png"]
    assert fold.panel.add.isVisible()


def test_chosen_pasted_and_finished_pictures_guide(
    still: StillShop,
    fold: GuidesFold,
    fox: Path,
    wait: Wait,
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(fox), ""))
    qtbot.mouseClick(fold.panel.add, LEFT)
    wait(lambda: len(fold.panel.rows) == 1)
    image = QImage(8, 8, QImage.Format.Format_RGB888)
    image.fill(Qt.GlobalColor.red)
    QGuiApplication.clipboard().setImage(image)
    fold.panel.add.setFocus()
    qtbot.keyClick(fold.panel.add, Qt.Key.Key_V, Qt.KeyboardModifier.ControlModifier)
    assert [row.name.text() for row in fold.panel.rows] == ["fox.png", "pasted picture"]
    first = still.make.form.guides[0]
    still.make.form.guides = ()
    still.make.generate()
    still.finish(str(fox))
    details = still.window.recent.details
    assert details.guide.isEnabled()
    assert not details.reference.isEnabled()
    details.guide.trigger()
    wait(lambda: still.make.form.guides)
    assert still.make.form.guides == (first,)


def test_an_unreadable_picture_is_taken_away_and_told(still: StillShop, row: GuideRow) -> None:
    still.bench.looks[-1][2](UnreadablePicture("The picture can't be read.", "Save it as PNG."))
    assert still.make.form.guides == ()
    assert "can't be read" in still.window.problem.message.text()


def test_without_a_controlnet_it_says_where_one_goes(
    still: StillShop, home: Path, fox: Path, wait: Wait, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: opened.append(url.toLocalFile()))
    fold = still.window.make_screen.guides
    fold.button.click()
    wait(lambda: still.additions.additions.found.nets_folder)
    panel, folder = fold.panel, search_folders()[0] / "controlnets"
    assert panel.teach.isVisible()
    assert str(folder) in panel.teach.text().replace("\u200b", "")
    assert not panel.add.isVisible()
    qtbot.mouseClick(panel.folder, LEFT)
    assert (opened, folder.is_dir()) == ([str(folder)], True)
    write_net(folder, "canny", "tiny")
    qtbot.mouseClick(panel.again, LEFT)
    wait(panel.add.isVisible)
    assert not panel.teach.isVisible()


def test_where_nothing_can_be_guided_it_says_why(still: StillShop, row: GuideRow, qtbot: QtBot) -> None:
    panel, able = still.window.make_screen.guides.panel, still.make.studio.models[0]
    choose(row.net, "canny")
    for model, reason in (
        (replace(able, takes_controls=False), "ControlNets are for Stable Diffusion 1, 2 and XL"),
        (replace(able, made_for="coreml"), "was converted"),
    ):
        still.make.offer([model])
        assert reason in panel.why_not.text()
        assert panel.why_not.isVisible()
        assert not panel.add.isVisible()
        qtbot.mouseClick(still.window.form.generate, LEFT)
        assert still.bench.jobs == []
        assert reason in still.window.problem.message.text()
    still.make.offer([able])
    assert not panel.why_not.isVisible()
    converted = replace(FAKE_BACKEND, id="npu", features=frozenset({"converted_models"}))
    guiding = replace(FAKE_BACKEND, id="gpu", features=FAKE_BACKEND.features | {"controlnets"})
    still.backends.found = (BackendState(converted), BackendState(FAKE_BACKEND), BackendState(guiding))
    assert panel.why_not.text() == "Fake can't use ControlNets."
    still.settings.backend = "gpu"
    assert not panel.why_not.isVisible()
    still.settings.backend = "auto"
    still.backends.found = (BackendState(converted), BackendState(guiding))
    assert not panel.why_not.isVisible()


def test_what_the_worker_refuses_can_be_made_without(still: StillShop, row: GuideRow, qtbot: QtBot) -> None:
    choose(row.net, "canny")
    qtbot.mouseClick(still.window.form.generate, LEFT)
    still.fail(GuideRefused("canny is no ControlNet for this kind of model.", "Choose another."))
    (button,) = still.window.problem.buttons
    assert button.text() == "Make it without guides"
    qtbot.mouseClick(button, LEFT)
    assert still.request.controls == ()
    note = still.window.make_screen.note
    assert note.message.text() == "The guides are left out."
    qtbot.mouseClick(note.act, LEFT)
    assert still.make.form.guides[0].model == "canny"


def test_the_real_worker_makes_the_map(shop: Workshop, nets: Path, fox: Path, wait: Wait) -> None:
    shop.make.offer([replace(choice, takes_controls=True) for choice in shop.make.studio.models])
    shop.backends.found = ()
    fold = shop.window.make_screen.guides
    fold.button.click()
    shop.make.guides.bring_guide(fox)
    wait(lambda: fold.panel.rows)
    row = fold.panel.rows[0]
    row.prepare.setCurrentIndex(row.prepare.findData("canny"))
    row.prepare.activated.emit(row.prepare.currentIndex())
    wait(lambda: row.map.picture)
    wait(lambda: shop.make.guides.map_of(shop.make.form.guides[0]).picture)
    assert row.map.picture is not None
    assert row.map.picture.rgb == shown(fox.read_bytes(), "canny", (64, 64)).tobytes()
