/* Text for a terminal: names of files and queries may hold anything, what is shown holds no control bytes. */
#ifndef OF3_CLI_TEXT_H
#define OF3_CLI_TEXT_H

#include <stddef.h>
#include <stdio.h>

/* Writes text as of3_printable (of3.h) makes it. */
void cli_put(FILE *f, const char *text);

/* The same into out [size], cut at a whole character. Returns out. */
char *cli_clean(const char *text, char *out, size_t size);

/* Characters that are shown, and the bytes of the first `most` of them, of a text that was cleaned. */
size_t cli_characters(const char *text);
size_t cli_first_characters(const char *text, size_t most);

/* A column `width` characters wide, at most 40; longer texts are cut. Between columns come two blanks. */
enum { CLI_MOST_COLUMN = 40 };
void cli_put_column(FILE *f, const char *text, size_t width);

#endif
