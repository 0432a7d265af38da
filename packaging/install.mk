# Install, uninstall, and the tarball of a release. Included by the Makefile.
bashcompdir ?= $(datarootdir)/bash-completion/completions
zshcompdir  ?= $(datarootdir)/zsh/site-functions
fishcompdir ?= $(datarootdir)/fish/vendor_completions.d

# what is installed: source file, mode, destination
MANUALS := $(wildcard packaging/man/*.[157])
HOOKS   := $(wildcard etc/hooks/*)
SAMPLES := $(wildcard etc/waybar/* etc/i3blocks/*)
INSTALLED = \
	$(BUILD)/taskbell:755:$(bindir)/taskbell \
	$(if $(filter yes,$(NOTIFY)),$(BUILD)/taskbell-notify:755:$(libexecdir)/taskbell/taskbell-notify) \
	$(foreach m,$(MANUALS),$m:644:$(mandir)/man$(subst .,,$(suffix $m))/$(notdir $m)) \
	$(BUILD)/taskbell.service:644:$(userunitdir)/taskbell.service \
	$(foreach f,hardening.conf key.conf,packaging/systemd/$f:644:$(docdir)/systemd/$f) \
	packaging/desktop/taskbell.desktop:644:$(datadir)/applications/taskbell.desktop \
	packaging/desktop/taskbell.svg:644:$(datadir)/icons/hicolor/scalable/apps/taskbell.svg \
	packaging/desktop/taskbell-autostart.desktop:644:$(docdir)/taskbell-autostart.desktop \
	packaging/logrotate.conf:644:$(docdir)/logrotate.conf \
	$(if $(wildcard packaging/completions/taskbell.bash),packaging/completions/taskbell.bash:644:$(bashcompdir)/taskbell) \
	$(if $(wildcard packaging/completions/_taskbell),packaging/completions/_taskbell:644:$(zshcompdir)/_taskbell) \
	$(if $(wildcard packaging/completions/taskbell.fish),packaging/completions/taskbell.fish:644:$(fishcompdir)/taskbell.fish) \
	etc/taskbell.conf:644:$(docdir)/examples/taskbell.conf \
	$(foreach h,$(HOOKS),$h:755:$(docdir)/examples/hooks/$(notdir $h)) \
	$(foreach s,$(SAMPLES),$s:755:$(docdir)/examples/$(notdir $s)) \
	README.md:644:$(docdir)/README.md LICENSE:644:$(docdir)/LICENSE

.PHONY: install install-strip uninstall installcheck dist

$(BUILD)/taskbell.service: packaging/systemd/taskbell.service.in $(BUILD)/flags
	sed 's,@bindir@,$(bindir),' $< >$@

# -D makes the directories; nothing outside DESTDIR is touched and nothing is enabled
install: all $(BUILD)/taskbell.service
	@for row in $(INSTALLED); do \
		from=$${row%%:*} to=$${row##*:} mode=$${row#*:}; mode=$${mode%%:*}; \
		$(INSTALL) -D -m "$$mode" "$$from" "$(DESTDIR)$$to" || exit; \
	done

install-strip: install
	strip $(DESTDIR)$(bindir)/taskbell $(if $(filter yes,$(NOTIFY)),$(DESTDIR)$(libexecdir)/taskbell/taskbell-notify)

# the directories that are ours alone go as well
uninstall:
	@for row in $(INSTALLED); do rm -f "$(DESTDIR)$${row##*:}"; done
	@for dir in $(docdir)/examples/hooks $(docdir)/examples $(docdir)/systemd $(docdir) $(libexecdir)/taskbell; do \
		rmdir "$(DESTDIR)$$dir" 2>/dev/null || :; done

# the installed program, by its own words
installcheck:
	"$(DESTDIR)$(bindir)/taskbell" --version | grep -q '^taskbell $(VERSION)'
	"$(DESTDIR)$(bindir)/taskbell" --config '$(DESTDIR)$(docdir)/examples/taskbell.conf' check
	$(if $(filter yes,$(NOTIFY)),"$(DESTDIR)$(libexecdir)/taskbell/taskbell-notify" --version | grep -q '$(VERSION)')

# the same bytes from the same commit: times and owners are those of git, not of this machine
dist: $(BUILD)/flags
	git archive --format=tar --prefix=taskbell-$(VERSION)/ HEAD | gzip -n >$(BUILD)/taskbell-$(VERSION).tar.gz
