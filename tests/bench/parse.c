/* parse FILE: how many seconds of CPU time cJSON takes to parse the document once */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double cpu_seconds(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
	FILE *file = argc == 2 ? fopen(argv[1], "r") : NULL;
	size_t size = (size_t)1 << 30;
	char *bytes = malloc(size);
	size_t len = file != NULL && bytes != NULL ? fread(bytes, 1, size, file) : 0;
	double start = cpu_seconds();
	cJSON *root = cJSON_ParseWithLength(bytes, len);

	printf("%.6f\n", cpu_seconds() - start);
	if (file != NULL)
		(void)fclose(file);
	free(bytes);
	/* the tree goes with the process, which is faster */
	return root != NULL ? 0 : 1;
}
