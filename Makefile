# make demo    the main job on a sample field, in Ginga (FILE=image.fits for your own)
# make test    all tests
# make oldest  the same with the oldest versions of what we need
# Each makes what it needs first: a local .venv with the package and its extras.

BIN := .venv/bin

.PHONY: demo test oldest lint docs figures screenshots bench benchmarks clean

demo: .venv/ready-qt
	$(BIN)/ginga-bkg demo $(FILE) $(ARGS)

test: .venv/ready-qt-test
	$(BIN)/python -m pytest -n auto --dist loadfile $(ARGS)

oldest:
	python3 -m venv .venv-oldest
	.venv-oldest/bin/pip install -q -c constraints-oldest.txt -e ".[qt,test]"
	.venv-oldest/bin/python -m pytest -n auto --dist loadfile $(ARGS)

lint: .venv/ready-qt-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs: .venv/ready-docs
	$(BIN)/sphinx-build -W --keep-going -q -b html docs docs/_build/html

figures: .venv/ready-figures
	$(BIN)/python docs/make_figures.py $(ARGS)

screenshots: .venv/ready-qt
	$(BIN)/python docs/make_screenshots.py
	$(BIN)/python docs/make_night_screenshots.py

bench: .venv/ready-qt
	$(BIN)/python benchmarks/bench_gui.py

# SPEED=--all adds the slow peers at 61 Mpix. Leave the machine alone.
OUT := docs
benchmarks: .venv/ready-benchmarks
	$(BIN)/python benchmarks/bench_speed.py $(SPEED) --output $(OUT)/benchmark-speed.md
	$(BIN)/python benchmarks/bench_accuracy.py $(ACCURACY) --output $(OUT)/benchmark-accuracy.md
	$(BIN)/python benchmarks/bench_cases.py --output $(OUT)/benchmark-cases.md
	$(BIN)/python benchmarks/bench_night.py $(NIGHT) --output $(OUT)/benchmark-night.md

.venv/ready-%: pyproject.toml .ci/setup
	sh .ci/setup $(subst -,$(comma),$*)
	touch $@

comma := ,

clean:
	rm -rf .venv build dist *.egg-info docs/_build demo-output
