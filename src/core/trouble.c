#include "core/trouble.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

bool trouble_met(struct trouble *trouble, unsigned int who, const char *words, int64_t mono_ms)
{
	bool same = trouble->words != NULL && strcmp(trouble->words, words) == 0;

	trouble->met |= who;
	if (trouble->told && (same || trouble->teller != who))
		return false;
	if (same && mono_ms - trouble->told_ms < TROUBLE_APART_MS)
		return false;
	free(trouble->words);
	trouble->words = mem_strdup(words);
	trouble->told_ms = mono_ms;
	trouble->teller = who;
	trouble->told = true;
	return true;
}

bool trouble_over(struct trouble *trouble, unsigned int who)
{
	bool told = trouble->told;

	trouble->met &= ~who;
	if (trouble->met == 0)
		trouble->told = false;
	return told && !trouble->told;
}

void trouble_remind(struct trouble *trouble)
{
	free(trouble->words);
	trouble->words = NULL;
}

void trouble_done(struct trouble *trouble)
{
	free(trouble->words);
	*trouble = (struct trouble){ 0 };
}
