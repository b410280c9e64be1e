"""A hint to the processor to fetch a cell before it is read; it changes no result."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

CELL_BYTES = 8


@intrinsic
def fetch(typingctx: Any, cells: Any, index: Any) -> Any:  # type: ignore[misc]
    """Fetch cell `index` of an array of pairs of int32."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        word, flag, byte = ir.IntType(64), ir.IntType(32), ir.IntType(8).as_pointer()
        offset = builder.mul(arguments[1], ir.Constant(word, CELL_BYTES))
        at = builder.inttoptr(builder.add(builder.ptrtoint(array.data, word), offset), byte)
        shape = ir.FunctionType(ir.VoidType(), [byte, flag, flag, flag])
        name = "llvm.prefetch.p0" if str(byte) == "ptr" else "llvm.prefetch.p0i8"
        hint = cgutils.get_or_insert_function(builder.module, shape, name)
        builder.call(hint, [at, *(ir.Constant(flag, n) for n in (1, 3, 1))])  # to be written; keep; data
        return context.get_dummy_value()

    return types.void(cells, types.uint64), generate
