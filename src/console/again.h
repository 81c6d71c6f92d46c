/* SPDX-License-Identifier: GPL-3.0-or-later */
/* again.h: a console that is of another version than the engine, at its end. */
#ifndef CONSOLE_AGAIN_H
#define CONSOLE_AGAIN_H

#define AGAIN_EXIT 69 /* the two speak different versions */

/*
 * The terminal is as it was.  When the program on the disk is another one than this,
 * becomes that, once; else prints what to do and returns AGAIN_EXIT.
 */
int again(char **argv, const char *words);

#endif
