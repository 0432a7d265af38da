/* A pseudo-terminal for a test; where the system has none the test is skipped. */
#ifndef UNIT_PSEUDO_H
#define UNIT_PSEUDO_H

/* opens one and returns the master's descriptor, which the caller closes; gives the other end's
 * name, owned */
int pseudo_open(char **ret_name);

#endif
