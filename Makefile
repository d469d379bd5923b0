# `make` lists what there is. Every command installs what it needs, inside this folder, from the
# locks (requirements*.txt, tools/*.txt), and can be repeated or interrupted at any time.

PYTHON ?= python3
EVENT ?= events/controltower.CreateManagedAccount.succeeded.json

VENV := .venv/bin
SAM := .tools/sam/bin/sam
UV := .tools/uv/bin/uv
TEMPLATES := template.yaml $(wildcard stacksets/*.yaml)
TYPED := functions tools demo bench tests/aws_double tests/deployment tests/matrix
NODE_MODULES := tests/matrix/node_modules/.package-lock.json

export PYTHONDONTWRITEBYTECODE := 1
export SAM_CLI_TELEMETRY := 0
export AWS_DEFAULT_REGION ?= us-east-1

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo sam-local bench test soak check build generate lock clean .venv \
	.tools/aws .tools/checkov .tools/lambda .tools/mutation .tools/sam .tools/uv

help: ## list the commands
	@sed -n 's/^\([a-z-]*\):[^#]*## /make \1|/p' Makefile | awk -F'|' '{printf "%-15s %s\n", $$1, $$2}'

demo: .venv ## vend a backend on an embedded AWS and show it; EVENT=path takes another event
	@PYTHONPATH=functions $(VENV)/python -m demo $(EVENT)

sam-local: .venv .tools/sam .tools/lambda ## sam local invoke for a sample of each kind, on the embedded AWS; EVENT=path runs one
	@PYTHONPATH=functions $(VENV)/python -m tools.sam_local $(if $(filter file,$(origin EVENT)),,$(EVENT))

bench: .venv .tools/aws .tools/lambda .tools/sam ## calls, time, memory and CPU, beside other ways; BASELINE=json compares, QUICK=1
	@PYTHONPATH=functions $(VENV)/python -m bench $(if $(QUICK),--quick) $(if $(BASELINE),--baseline $(BASELINE))

test: check .tools/aws .tools/lambda $(if $(shell command -v npm),$(NODE_MODULES)) ## all static checks and tests; ends with what was skipped, and why
	@$(VENV)/python -m pytest --numprocesses auto --dist loadfile --no-loadscope-reorder

soak: .venv .tools/aws .tools/mutation $(if $(shell command -v npm),$(NODE_MODULES)) ## every case of the fault battery, then mutants; an hour or more; ONLY="crash late" runs some
	@$(VENV)/python -m tools.soak $(ONLY)
	@$(if $(ONLY),,.tools/mutation/bin/python -m tools.mutation)

check: .venv .tools/checkov .tools/sam ## the static checks alone
	@$(VENV)/ruff format --check --quiet --diff .
	@$(VENV)/ruff check --quiet .
	@$(VENV)/mypy --no-error-summary $(TYPED)
	@PYTHONPATH=functions $(VENV)/lint-imports --no-logo
	@PYTHONPATH=functions $(VENV)/python -m tools.generate --check
	@$(VENV)/cfn-lint $(TEMPLATES)
	@$(SAM) validate --lint
	@$(VENV)/python -m tools.checkov $(TEMPLATES)

build: .tools/sam ## sam build: the artifact that all functions share
	@env -u MAKEFLAGS -u MAKELEVEL $(SAM) build # the make that it starts is not a part of this one

generate: .venv ## write what is derived from the code: the role's policy, pages of docs/
	@PYTHONPATH=functions $(VENV)/python -m tools.generate

lock: .tools/uv ## write the locks from the *.in files; UPGRADE=1 takes newer versions
	@for names in requirements requirements-dev $(basename $(wildcard tools/*.in)); do \
		echo $$names.txt; \
		$(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes \
			--custom-compile-command 'make lock' $(if $(UPGRADE),--upgrade) \
			$$names.in --output-file $$names.txt || exit 1; \
	done

clean: ## remove all that was made here
	@rm -rf .venv .tools .build .aws-sam .hypothesis .*_cache tests/matrix/node_modules
	@find functions tests tools $(wildcard demo) -name __pycache__ -prune -exec rm -rf {} +

# Virtual environments. The lock's content decides, not its date, so a script compares it.
.venv:
	@$(PYTHON) tools/environment.py $@ requirements-dev.txt

# The independent judge of the request matrix; without npm its tests are skipped.
$(NODE_MODULES): tests/matrix/package-lock.json
	@npm ci --silent --prefix tests/matrix
	@touch $@

.tools/aws .tools/checkov .tools/mutation .tools/sam .tools/uv:
	@$(PYTHON) tools/environment.py $@ $(subst .tools,tools,$@).txt

# Lambda's runtime interface client, for Lambda's own Python if there is one here.
.tools/lambda: .venv
	@$$($(VENV)/python -c 'from tools.package import find_python; print(find_python() or "$(PYTHON)")') \
		tools/environment.py $@ tools/lambda.txt

# `sam build` calls this once for each function; the second one finds all of it made.
build-%:
	@$(PYTHON) tools/package.py "$(ARTIFACTS_DIR)"
