/* What the functions of the extension modules accept: contiguous buffers of one item type, and
   counts. All else is a TypeError or a ValueError before a byte is read or written.

   Buffers may have any address: items are loaded and stored with memcpy, which compiles to one
   instruction. A buffer may be changed by another thread meanwhile, so every number that decides
   what is read or written is loaded once, and checked after it was loaded. */

#ifndef DATASCAN_ARGUMENTS_H
#define DATASCAN_ARGUMENTS_H

#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030B0000
#include <Python.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Item types, as struct calls them; int64 and uint64 have two names each. */
#define OCTETS "B"
#define INTS "lq"
#define CODES_OR_INTS "hilq"
#define RUNS "ilq"
#define UNSIGNED "LQ"
#define DOUBLES "d"
#define VALUES "Bbfd"

#define ANY_SHAPE 0
#define NATIVE_ORDER (PY_LITTLE_ENDIAN ? '<' : '>')
#define WRITABLE PyBUF_WRITABLE

/* The item type of a buffer, in native byte order; 0 for any other. */
static inline char item_type(const Py_buffer *view)
{
    const char *format = view->format ? view->format : OCTETS;
    /* NumPy states the byte order of dtypes that were given one, also if it is the native one. */
    if (*format == '@' || *format == '=' || *format == NATIVE_ORDER)
        format++;
    return *format && !format[1] ? *format : 0;
}

static inline Py_ssize_t item_bytes(char type)
{
    return strchr("Bb", type) ? 1 : type == 'h' ? 2 : strchr("fi", type) ? 4 : 8;
}

/* Whether the items of a buffer have one of 'types', and its dimensions are as many as asked. */
static inline int is_accepted(const Py_buffer *view, const char *types, int dimensions)
{
    char type = item_type(view);
    return type && strchr(types, type) && view->itemsize == item_bytes(type) &&
           (dimensions == ANY_SHAPE || view->ndim == dimensions);
}

/* A converter of PyArg_ParseTuple: it is called with NULL to release a buffer it has taken. */
static inline int take_buffer(PyObject *object, Py_buffer *view, const char *types,
                              int dimensions, int flags)
{
    if (!object) {
        PyBuffer_Release(view);
        return 0;
    }
    if (PyObject_GetBuffer(object, view, PyBUF_FORMAT | PyBUF_C_CONTIGUOUS | flags)) {
        if (PyErr_ExceptionMatches(PyExc_BufferError)) {
            PyErr_Clear();
            PyErr_SetString(PyExc_ValueError, "a buffer is read-only or not contiguous");
        }
        return 0;
    }
    if (is_accepted(view, types, dimensions))
        return Py_CLEANUP_SUPPORTED;
    PyErr_Format(PyExc_TypeError, "items '%s' in %d dimensions, in place of '%s'",
                 view->format ? view->format : OCTETS, view->ndim, types);
    PyBuffer_Release(view);
    return 0;
}

#define CONVERTER(NAME, TYPES, DIMENSIONS, FLAGS)                                 \
    static inline int NAME(PyObject *object, void *view)                          \
    {                                                                             \
        return take_buffer(object, view, TYPES, DIMENSIONS, FLAGS);               \
    }

/* A converter to Py_ssize_t: numbers that do not fit are ValueErrors, as all wrong counts are. */
static inline int take_count(PyObject *object, void *count)
{
    PyObject *number = PyNumber_Index(object);
    if (!number)
        return 0;
    Py_ssize_t value = PyLong_AsSsize_t(number);
    Py_DecRef(number);
    if (value == -1 && PyErr_Occurred()) {
        PyErr_Clear();
        PyErr_SetString(PyExc_ValueError, "a count has more than 63 bits");
        return 0;
    }
    *(Py_ssize_t *)count = value;
    return 1;
}

static inline int are_apart(const Py_buffer *a, const Py_buffer *b)
{
    uintptr_t left = (uintptr_t)a->buf, right = (uintptr_t)b->buf;
    if (!a->len || !b->len)
        return 1;
    return left < right ? right - left >= (size_t)a->len : left - right >= (size_t)b->len;
}

/* Whether no buffer from number 'inputs' on shares a byte with another one; else sets an error. */
static inline int outputs_are_apart(const Py_buffer *buffers, int count, int inputs)
{
    for (int i = inputs; i < count; i++)
        for (int j = 0; j < i; j++)
            if (!are_apart(buffers + i, buffers + j)) {
                PyErr_SetString(PyExc_ValueError, "an output overlaps another buffer");
                return 0;
            }
    return 1;
}

static inline void release(Py_buffer *buffers, int count)
{
    while (count--)
        PyBuffer_Release(buffers + count);
}

static inline int64_t load_int(const void *items, Py_ssize_t i)
{
    int64_t value;
    memcpy(&value, (const char *)items + 8 * i, 8);
    return value;
}

static inline void store_int(void *items, Py_ssize_t i, int64_t value)
{
    memcpy((char *)items + 8 * i, &value, 8);
}

#endif
