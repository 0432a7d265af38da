# Tests, lint and fuzzing. Included by the Makefile; everything here is found by wildcard:
#   tests/{unit,sim,cases}/**/test_*.c  cmocka programs, each linked with the library; other .c files there with all of them
#   tests/{simulator,e2e}/**/test_*.py  pytest
#   tests/check/* without a suffix      programs: exit 0 passed, 77 skipped (last line says why), else failed
#   tests/fuzz/fuzz_NAME.c              libFuzzer targets, seeds in tests/fuzz/seeds/NAME/, words in tests/fuzz/NAME.dict
CLANG        ?= clang
FUZZ_SECONDS ?= 5
CORES        := $(shell getconf _NPROCESSORS_ONLN)
# tests wait more than they compute: so many at a time keep the cores busy
JOBS         ?= $(shell expr $(CORES) \* 2)

UNIT_DIRS  := $(wildcard tests/unit tests/sim tests/cases)
UNIT_FILES := $(if $(UNIT_DIRS),$(sort $(shell find $(UNIT_DIRS) -name '*.c')))
UNIT_SRC   := $(foreach f,$(UNIT_FILES),$(if $(filter test_%,$(notdir $f)),$f))
UNIT_HELP  := $(filter-out $(UNIT_SRC),$(UNIT_FILES))
UNITS      := $(UNIT_SRC:%.c=$(BUILD)/%)
PY_SIM     := $(sort $(shell find $(wildcard tests/simulator) /dev/null -name 'test_*.py'))
PY_E2E     := $(sort $(shell find $(wildcard tests/e2e) /dev/null -name 'test_*.py'))
CHECKS     := $(sort $(foreach f,$(wildcard tests/check/*),$(if $(suffix $f),,$f)))
FUZZ_SRC   := $(sort $(wildcard tests/fuzz/fuzz_*.c))
FUZZERS    := $(FUZZ_SRC:%.c=$(BUILD)/fuzz/%)
HAVE_CLANG := $(shell command -v $(CLANG) 2>/dev/null)

RUNNER := $(PYTHON) -B tests/check/runner.py --jobs $(JOBS)
# what the tests are told: the programs under test, absolute, and how this build was made
export BUILD CC ALL_CPPFLAGS SANITIZE NOTIFY PYTHON
TEST_ENV = TASKBELL_BUILD='$(abspath $(BUILD))' TASKBELL='$(abspath $(BUILD))/taskbell' \
           TASKBELL_NOTIFY='$(abspath $(BUILD))/taskbell-notify' TASKBELL_LIBEXEC='$(abspath $(BUILD))' \
           PYTHONDONTWRITEBYTECODE=1

# what every test needs built
UNDER_TEST := $(if $(wildcard src/cli/main.c),all,$(if $(NOTIFY_SRC),$(BUILD)/taskbell-notify) $(if $(LIB_OBJ),$(BUILD)/libtaskbell.a))

.PHONY: check check-unit check-e2e check-static check-sanitized valgrind valgrind-e2e fuzz fuzz-short fuzz-build interop tests

include tests/torture/torture.mk

tests: $(UNDER_TEST) $(UNITS) $(TORTURE_TOOLS) ## builds the tests

# everything that needs no network but loopback
check: tests $(if $(HAVE_CLANG),fuzz-build) ## runs all tests that need no network
	@$(TEST_ENV) $(RUNNER) --pytest $(PY_SIM) $(PY_E2E) --checks $(CHECKS) --units $(UNITS) \
		--fuzz-seconds $(FUZZ_SECONDS) $(FUZZ_JOBS)

FUZZ_JOBS = $(if $(HAVE_CLANG),--fuzz $(FUZZERS),$(if $(FUZZERS),--skip 'fuzz: $(CLANG) is not installed'))

check-unit: tests ## runs the unit tests
	@$(TEST_ENV) $(RUNNER) --units $(UNITS)

# for a build with SANITIZE: units and end-to-end tests, every finding ends the program that made it
SANITIZER_ENV = ASAN_OPTIONS=detect_leaks=1:abort_on_error=1:strict_string_checks=1 UBSAN_OPTIONS=print_stacktrace=1
check-sanitized: tests ## runs the tests of a SANITIZE build
	@$(TEST_ENV) $(SANITIZER_ENV) $(RUNNER) --pytest $(PY_E2E) --units $(UNITS)

check-static: $(UNDER_TEST) $(TORTURE_TOOLS) ## runs the programs in tests/check
	@$(TEST_ENV) $(RUNNER) --checks $(CHECKS)

# All end-to-end tests, which takes minutes. E2E=name: of all pytest files only those whose path has that word
E2E_FILES = $(strip $(if $(E2E),$(foreach f,$(PY_SIM) $(PY_E2E),$(if $(findstring $(E2E),$f),$f)),$(PY_E2E)))
check-e2e: $(UNDER_TEST) ## runs the end-to-end tests; E2E=exec: of one file
	$(if $(E2E_FILES),,$(error no test has '$(E2E)' in its path; there are: $(PY_SIM) $(PY_E2E)))
	@$(TEST_ENV) $(RUNNER) --pytest $(E2E_FILES)

VALGRIND = valgrind --quiet --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite,possible \
           --track-fds=yes --child-silent-after-fork=yes
valgrind: tests ## runs the unit tests under valgrind
	@$(TEST_ENV) $(RUNNER) --wrap '$(VALGRIND)' --units $(UNITS)

# The end-to-end tests with every taskbell that they start under valgrind. Its children are not: the helper is GLib's for
# the most part, hooks are other people's. A campaign: it is slow, tests fail that hold the program to seconds or megabytes,
# and only what valgrind says in $(MEMCHECK)/*.log makes it fail. E2E=name as for check-e2e. Not by default: tests that
# leave the program too little memory for valgrind, and those whose service manager knows nothing of it.
MEMCHECK     := $(BUILD)/memcheck
MEMCHECK_E2E ?= $(if $(E2E),$(foreach f,$(PY_E2E),$(if $(findstring $(E2E),$f),$f)),$(filter-out %_starved.py %_systemd.py,$(PY_E2E)))
# only what nothing points to: a second signal ends the program with its database open, and a look-up that a silent
# name server never answers is left behind with its thread
MEMCHECK_BY  := valgrind --quiet --error-exitcode=99 --leak-check=full --show-leak-kinds=definite \
                --errors-for-leak-kinds=definite --child-silent-after-fork=yes
valgrind-e2e: $(UNDER_TEST)
	@rm -rf $(MEMCHECK) && mkdir -p $(MEMCHECK) && chmod 1777 $(MEMCHECK)
	@printf '#!/bin/sh\nexec %s --log-file="%s" "%s" "$$@"\n' '$(MEMCHECK_BY)' '$(abspath $(MEMCHECK))/%p.log' \
		'$(abspath $(BUILD))/taskbell' >$(MEMCHECK)/taskbell
	@chmod +x $(MEMCHECK)/taskbell
	@$(TEST_ENV) TASKBELL='$(abspath $(MEMCHECK))/taskbell' TASKBELL_PATIENCE=10 $(RUNNER) --timeout 7200 --pytest $(MEMCHECK_E2E) || \
		echo 'tests failed; that is an error of the program only if it is named below'
	@found=$$(grep -l '^==' $(MEMCHECK)/*.log); [ -z "$$found" ] || cat $$found; \
	echo "valgrind: $$(ls $(MEMCHECK) | grep -c 'log$$') runs of the program, $$(echo $$found | wc -w) with errors"; [ -z "$$found" ]

# The library once more, instrumented; this very Makefile does it with other flags and another directory.
fuzz-build:
ifneq ($(FUZZ_SRC),)
	@+$(MAKE) --no-print-directory BUILD=$(BUILD)/fuzz CC=$(CLANG) SANITIZE=address,undefined \
		CFLAGS='-O1 -g -fsanitize=fuzzer-no-link' $(FUZZERS)
endif

fuzz-short: fuzz-build
	@$(TEST_ENV) $(RUNNER) --fuzz-seconds $(FUZZ_SECONDS) $(FUZZ_JOBS)

# make fuzz FUZZ_SECONDS=3600: one long run, what was found stays in $(BUILD)/fuzz/tests/fuzz/
fuzz: fuzz-short ## runs the fuzzers; FUZZ_SECONDS=600

# the README's pictures, from real runs
.PHONY: pictures
pictures: all ## takes the README's pictures
	@$(TEST_ENV) PYTHON='$(PYTHON)' tests/pictures/take

# Other people's programs against ours: the vendor's SDK, Prism. Needs npm and its registry.
interop: all ## runs other people's clients against ours
	@$(TEST_ENV) $(PYTHON) -B tests/interop/run

$(BUILD)/tests/%.o: tests/%.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(ALL_CPPFLAGS) -Itests/unit $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# an archive too: a test that fakes a part of the library must not get a helper that needs the real one
$(BUILD)/tests/libhelp.a: $(UNIT_HELP:%.c=$(BUILD)/%.o)
	@mkdir -p $(@D)
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(UNITS:%=%.o) $(UNIT_HELP:%.c=$(BUILD)/%.o): | $(BUILD)/tests/cmocka
$(BUILD)/tests/cmocka:
	@mkdir -p $(@D)
	@$(call needs,cmocka.h,packaging/deps.sh --test) && touch $@

$(UNITS): $(BUILD)/%: $(BUILD)/%.o $(BUILD)/tests/libhelp.a $(BUILD)/libtaskbell.a
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(PKG_LIBS) -lcmocka $(LDLIBS)

# inside the build of fuzz-build
$(FUZZ_SRC:%.c=$(BUILD)/%): $(BUILD)/%: $(BUILD)/%.o $(BUILD)/libtaskbell.a
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -fsanitize=fuzzer -o $@ $(filter %.o,$^) $(filter %.a,$^) $(PKG_LIBS) $(LDLIBS)

# the helper's reader is no part of the library
$(BUILD)/tests/unit/test_note $(BUILD)/tests/fuzz/fuzz_note: $(BUILD)/src/notify/note.o

include tests/lint.mk
include tests/bench/bench.mk
