PYTHON ?= python3.11
BIN := .venv/bin
export HF_HUB_OFFLINE := 1
# numpy's threads and torch's threads slow each other down.
export OPENBLAS_NUM_THREADS := 1
# The tests start many processes. Without bytecode each would compile the project again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: setup run logs demo browser helm haproxy hunspell test quick thorough lint

setup: .venv/.installed

.venv/.installed: requirements.txt requirements-web.txt requirements-dev.txt
	@echo "Making the environment in .venv (minutes at first, nothing later)"
	@$(PYTHON) -m venv .venv 2>/dev/null || python3 -m venv .venv
	@HF_HUB_OFFLINE=0 $(BIN)/pip install -qq --disable-pip-version-check -r requirements-dev.txt
	@touch $@

run: setup
	@$(BIN)/python -m config.start.supervisor

LOGS = $(or $(VAR),var)/log/*.log $(wildcard $(or $(VAR),var)/postgres/log $(or $(VAR),var)/redis/log)
logs:
	@ls $(LOGS) > /dev/null 2>&1 || { echo "There are no logs yet: make run writes them."; exit 1; }
	@tail -n 20 -F $(LOGS)

demo: setup
	$(BIN)/python -m ml people --count 1 --photos 12 --seed 6 --out out/demo/people
	$(BIN)/python -m ml twin out/demo/people/person-000/*.jpg --subject woman --prompt "in a park, smiling, wearing a red hoodie" --count 4 --seed 7 --out out/demo/twin

browser: setup
	@command -v chromium chromium-browser || ls -d $(HOME)/.cache/ms-playwright/chromium-* 2>/dev/null \
	|| { test "$$(id -u)" = 0 && apt-get update -q && apt-get install -q -y chromium; } \
	|| $(BIN)/playwright install chromium \
	|| { echo "The tests open Chromium. Install it (apt-get install chromium), then run this again."; exit 1; }

haproxy:
	@PATH="$$PATH:/usr/sbin" command -v haproxy \
	|| { test "$$(id -u)" = 0 && apt-get update -q && apt-get install -q -y haproxy; } \
	|| { echo "The tests start HAProxy. Install it (apt-get install haproxy), then run this again."; exit 1; }

hunspell:
	@command -v hunspell > /dev/null && hunspell -D 2>&1 < /dev/null | grep -q es_ES \
	|| { test "$$(id -u)" = 0 && apt-get update -q && apt-get install -q -y hunspell hunspell-en-gb hunspell-es; } \
	|| { echo "Install it (apt-get install hunspell hunspell-en-gb hunspell-es), then run this again."; exit 1; }

helm: setup
	@$(BIN)/python -m config.start.tools $(BIN)

# Limits on two cores: quick 90 seconds, test 12 minutes. thorough runs every sweep in full, before a release.
# quick leaves out what trains, opens a browser, starts servers and workers, migrates the old database, or tests ml.
PYTEST := $(BIN)/python -m pytest -n 3

quick: setup helm
	$(PYTEST) -m "not train and not browser and not workers" --ignore tests/ml --ignore tests/test_serve.py \
		--ignore tests/test_old_database.py --ignore tests/config/test_embedded.py

test: setup browser helm haproxy
	$(PYTEST)

thorough: setup browser helm haproxy hunspell
	$(PYTEST) --thorough -o faulthandler_timeout=7200

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
