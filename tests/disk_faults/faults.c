/* Calls about some files fail, as they do on a bad disk or a foreign file system.

   FAULTS names a file of rules, which is read at each call. A rule is a line
   `CALL END ERRNO TIMES AFTER`: CALL about a path with that END fails with ERRNO, TIMES times (0:
   always) after it has worked AFTER times. Names below the folder
   FOLDED are alike in case. */
#define _GNU_SOURCE
#include <ctype.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define RULES 16
#define REAL(name, type) ((type)dlsym(RTLD_NEXT, name))

static int used[RULES];

static int fails(const char *call, const char *path) {
  const char *rules = getenv("FAULTS");
  FILE *file = rules ? REAL("fopen64", FILE *(*)(const char *, const char *))(rules, "r") : NULL;
  char name[64], end[PATH_MAX];
  int number, times, after, found = 0;
  if (!file)
    return 0;
  for (int rule = 0; rule < RULES && fscanf(file, "%63s %4095s %d %d %d", name, end, &number, &times, &after) == 5; rule++) {
    size_t length = strlen(path), tail = strlen(end);
    if (strcmp(name, call) || length < tail || strcmp(path + length - tail, end))
      continue;
    used[rule]++;
    if (used[rule] > after && (!times || used[rule] <= after + times)) {
      found = number;
      break;
    }
  }
  fclose(file);
  errno = found;
  return found;
}

static const char *place(const char *path, char *folded) {
  const char *root = getenv("FOLDED");
  size_t length = root ? strlen(root) : 0;
  if (!root || strncmp(path, root, length) || strlen(path) >= PATH_MAX)
    return path;
  strcpy(folded, path);
  for (char *letter = folded + length; *letter; letter++)
    *letter = tolower((unsigned char)*letter);
  return folded;
}

#define PLACE(path) char folded[PATH_MAX]; const char *at = place(path, folded)

#define OPEN(name)                                                                                 \
  int name(const char *path, int flags, ...) {                                                     \
    va_list rest;                                                                                  \
    va_start(rest, flags);                                                                         \
    mode_t mode = va_arg(rest, mode_t);                                                            \
    va_end(rest);                                                                                  \
    PLACE(path);                                                                                   \
    if (fails(flags & O_CREAT ? "create" : "open", at))                                            \
      return -1;                                                                                   \
    return REAL(#name, int (*)(const char *, int, ...))(at, flags, mode);                          \
  }
OPEN(open)
OPEN(open64)

#define TRUNCATE(name)                                                                             \
  int name(int descriptor, off_t length) {                                                         \
    char link[64], path[PATH_MAX];                                                                 \
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);                                   \
    ssize_t size = readlink(link, path, sizeof path - 1);                                          \
    path[size < 0 ? 0 : size] = 0;                                                                 \
    if (fails("ftruncate", path))                                                                  \
      return -1;                                                                                   \
    return REAL(#name, int (*)(int, off_t))(descriptor, length);                                   \
  }
TRUNCATE(ftruncate)
TRUNCATE(ftruncate64)

int rename(const char *old, const char *new) {
  char folded_old[PATH_MAX], folded_new[PATH_MAX];
  const char *from = place(old, folded_old), *to = place(new, folded_new);
  if (fails("rename", to))
    return -1;
  return REAL("rename", int (*)(const char *, const char *))(from, to);
}

int mkdir(const char *path, mode_t mode) {
  PLACE(path);
  if (fails("mkdir", at))
    return -1;
  return REAL("mkdir", int (*)(const char *, mode_t))(at, mode);
}

int unlink(const char *path) {
  PLACE(path);
  return REAL("unlink", int (*)(const char *))(at);
}

int stat64(const char *path, struct stat64 *found) {
  PLACE(path);
  return REAL("stat64", int (*)(const char *, struct stat64 *))(at, found);
}

int lstat64(const char *path, struct stat64 *found) {
  PLACE(path);
  return REAL("lstat64", int (*)(const char *, struct stat64 *))(at, found);
}
