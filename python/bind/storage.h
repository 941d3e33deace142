// Storages as Python objects. Start with wrap_storage().
#pragma once

#include "args.h"

namespace wg::py {

PyObject* wrap_storage(const Ref<Storage>& storage);
bool is_storage(PyObject* o);  // typed or not
Ref<Storage> storage_of(PyObject* o);
void add_storage(PyObject* module);

template <>
struct Convert<Ref<Storage>> {
    static constexpr const char* name = "torch.Storage";
    static bool accepts(PyObject* o) { return is_storage(o); }
    static Ref<Storage> get(PyObject* o) { return storage_of(o); }
};

}  // namespace wg::py
