# Nothing lost, nothing hung: the monitor is killed and starved at every place, by a shim that is preloaded.
#   make torture TORTURE_SECONDS=3600    as long as it is told, ends with a table; 0: one round of all there is to try
#   … TORTURE='kill live' …_WORKERS=4    only these campaigns; so many trials at once
TORTURE_SECONDS ?= 300
TORTURE_WORKERS ?= 2
TORTURE_DIR     := $(BUILD)/torture
# the shim stands between a program and glibc, and a sanitizer wants that place for itself
TORTURE_TOOLS   := $(if $(SANITIZE),,$(if $(findstring linux-gnu,$(shell $(CC) -dumpmachine)),$(TORTURE_DIR)/shim.so $(TORTURE_DIR)/hook))

# … and SOAK_POLLS polls of a server that misbehaves, with nights between in which the history is forgotten: nothing
# may be lost or told twice, and nothing may have grown. 100,000 take half an hour with TMPDIR=/dev/shm; a run of less
# than 20,000 is all warm-up.
SOAK_POLLS      ?= 100000

# … and FLOOD events at once against a hook that takes a second: 10,000 take three minutes
FLOOD           ?= 10000

.PHONY: torture soak flood
flood: $(UNDER_TEST) ## tells 10,000 events to a slow hook
	@$(TEST_ENV) $(PYTHON) -B tests/torture/flood.py --events $(FLOOD)

soak: $(UNDER_TEST) $(TORTURE_TOOLS) ## polls SOAK_POLLS times, half an hour
	@$(TEST_ENV) $(PYTHON) -B tests/torture/soak.py --polls $(SOAK_POLLS)

torture: $(UNDER_TEST) $(TORTURE_TOOLS) ## kills and starves it; TORTURE_SECONDS=300
	@$(TEST_ENV) $(PYTHON) -B tests/torture --seconds $(TORTURE_SECONDS) --workers $(TORTURE_WORKERS) $(TORTURE)

$(TORTURE_DIR)/shim.so: tests/torture/shim.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) -std=c17 $(WARNINGS) -O2 -g -fPIC -shared -o $@ $< -ldl

$(TORTURE_DIR)/hook: tests/torture/hook.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $<
