"""Cases of normalizations, reductions, and operations that move numbers (see mil_cases)."""

from __future__ import annotations

import numpy as np
import torch
from torch.nn import functional

from tests.convert.mil_cases import Case, f64, normal, positive, reduction, whole

_MEAN, _VARIANCE, _GAMMA, _BETA = normal(5), positive(5), normal(5), normal(5)
_GAMMA2, _BETA2 = normal(5, 7), normal(5, 7)
_EPSILON = 0.125

NORMALIZATIONS = [
    Case(
        "batch_norm",
        (normal(2, 5, 3, 7),),
        lambda mb, x: mb.batch_norm(
            x=x, mean=_MEAN, variance=_VARIANCE, gamma=_GAMMA, beta=_BETA, epsilon=_EPSILON
        ),
        lambda x: functional.batch_norm(x, f64(_MEAN), f64(_VARIANCE), f64(_GAMMA), f64(_BETA), eps=_EPSILON),
    ),
    Case(
        "instance_norm",
        (normal(2, 5, 3, 7),),
        lambda mb, x: mb.instance_norm(x=x, gamma=_GAMMA, beta=_BETA, epsilon=_EPSILON),
        lambda x: functional.instance_norm(x, weight=f64(_GAMMA), bias=f64(_BETA), eps=_EPSILON),
    ),
    Case(
        "layer_norm",
        (normal(2, 3, 5, 7),),
        lambda mb, x: mb.layer_norm(x=x, axes=[2, -1], gamma=_GAMMA2, beta=_BETA2, epsilon=_EPSILON),
        lambda x: functional.layer_norm(x, (5, 7), f64(_GAMMA2), f64(_BETA2), _EPSILON),
    ),
    Case(
        "layer_norm",
        (normal(2, 5, 1, 7),),
        lambda mb, x: mb.layer_norm(x=x, axes=[1], gamma=_GAMMA, beta=_BETA, epsilon=_EPSILON),
        lambda x: functional.layer_norm(x.movedim(1, -1), (5,), f64(_GAMMA), f64(_BETA), _EPSILON).movedim(
            -1, 1
        ),
        note="channels first",
    ),
    Case(
        "batch_norm",
        (normal(2, 5, 3),),
        lambda mb, x: mb.batch_norm(x=x, mean=_MEAN, variance=_VARIANCE, epsilon=_EPSILON),
        lambda x: functional.batch_norm(x, f64(_MEAN), f64(_VARIANCE), eps=_EPSILON),
        note="plain",
    ),
    Case(
        "instance_norm",
        (normal(2, 5, 7),),
        lambda mb, x: mb.instance_norm(x=x, epsilon=_EPSILON),
        lambda x: functional.instance_norm(x, eps=_EPSILON),
        note="plain",
    ),
    Case(
        "layer_norm",
        (normal(2, 3, 7),),
        lambda mb, x: mb.layer_norm(x=x, axes=[-1], epsilon=_EPSILON),
        lambda x: functional.layer_norm(x, (7,), eps=_EPSILON),
        note="plain",
    ),
    Case(
        "l2_norm",
        (normal(2, 3, 5, 7),),
        lambda mb, x: mb.l2_norm(x=x, epsilon=_EPSILON),
        lambda x: x / (x.pow(2).sum((1, 2, 3), keepdim=True) + _EPSILON).sqrt(),
    ),
]

REDUCTIONS = [
    reduction("reduce_sum", lambda x: x.sum((0, 2)), axes=[0, -1]),
    reduction("reduce_sum", lambda x: x.sum().reshape(1, 1, 1), keep_dims=True),
    reduction("reduce_mean", lambda x: x.mean((1, 2), keepdim=True), axes=[1, 2], keep_dims=True),
    reduction("reduce_max", lambda x: x.max(1).values, axes=[1]),
    reduction("reduce_min", lambda x: x.min(2, keepdim=True).values, axes=[-1], keep_dims=True),
    reduction("reduce_sum_square", lambda x: (x * x).sum(1), axes=[1]),
    reduction("reduce_l2_norm", lambda x: torch.linalg.vector_norm(x, dim=(0, 1)), axes=[0, 1]),
    reduction("reduce_log_sum_exp", lambda x: x.exp().sum(1).log(), axes=[1]),
    reduction("reduce_argmax", lambda x: x.max(1).indices, axis=1),
    reduction("reduce_argmin", lambda x: x.min(-1, keepdim=True).indices, axis=-1, keep_dims=True),
    reduction("cumsum", lambda x: x.cumsum(1), axis=1),
    reduction(
        "cumsum",
        lambda x: torch.stack([x[:, k + 1 :].sum(1) for k in range(5)], 1),
        axis=1,
        exclusive=True,
        reverse=True,
    ),
]

SHAPES = [
    Case(
        "concat",
        (normal(2, 3, 5), normal(2, 4, 5)),
        lambda mb, x, y: mb.concat(values=(x, y, x), axis=-2),
        lambda x, y: torch.cat([x, y, x], 1),
    ),
    Case(
        "concat",
        (normal(2, 3, 5), normal(2, 3, 5)),
        lambda mb, x, y: mb.concat(values=(x, y), axis=1, interleave=True),
        lambda x, y: torch.cat([part for k in range(3) for part in (x[:, k : k + 1], y[:, k : k + 1])], 1),
        note="interleaved",
    ),
    Case(
        "expand_dims",
        (normal(3, 5),),
        lambda mb, x: mb.expand_dims(x=x, axes=[0, -1]),
        lambda x: x[None, :, :, None],
    ),
    Case(
        "fill",
        (normal(3, 5),),
        lambda mb, x: mb.add(x=x, y=mb.fill(shape=mb.shape(x=x), value=1.5)),
        lambda x: x + 1.5,
    ),
    Case(
        "fill_like",
        (normal(3, 5),),
        lambda mb, x: mb.fill_like(ref_tensor=x, value=2.5),
        lambda x: torch.full_like(x, 2.5),
        "iOS16",
    ),
    Case(
        "pad",
        (normal(2, 3, 5),),
        lambda mb, x: mb.pad(x=x, pad=[1, 0, 2, 3], mode="constant", constant_val=0.5),
        lambda x: functional.pad(x, (2, 3, 1, 0), value=0.5),
    ),
    *(
        Case(
            "pad",
            (normal(2, 3, 5, 7),),
            lambda mb, x, mode=mode: mb.pad(x=x, pad=[2, 1, 3, 0], mode=mode),
            lambda x, mode=mode: functional.pad(x, (3, 0, 2, 1), mode=mode),
            note=mode,
        )
        for mode in ("reflect", "replicate")
    ),
    Case(
        "pixel_shuffle",
        (normal(2, 18, 5, 7),),
        lambda mb, x: mb.pixel_shuffle(x=x, upscale_factor=3),
        lambda x: x.reshape(2, 2, 3, 3, 5, 7).permute(0, 1, 4, 2, 5, 3).reshape(2, 2, 15, 21),
    ),
    Case(
        "pixel_unshuffle",
        (normal(2, 3, 6, 10),),
        lambda mb, x: mb.pixel_unshuffle(x=x, downscale_factor=np.uint32(2)),
        lambda x: x.reshape(2, 3, 3, 2, 5, 2).permute(0, 1, 3, 5, 2, 4).reshape(2, 12, 3, 5),
        "iOS16",
    ),
    Case(
        "range_1d",
        (whole(9, 10, 1),),
        lambda mb, n: mb.range_1d(start=2, end=mb.squeeze(x=n, axes=[0]), step=3),
        lambda n: torch.arange(2, 9, 3),
    ),
    Case(
        "reshape",
        (normal(3, 5, 7),),
        lambda mb, x: mb.reshape(x=x, shape=[5, -1]),
        lambda x: x.reshape(5, 21),
    ),
    Case(
        "reshape",
        (normal(2, 50),),
        lambda mb, x: mb.reshape(x=x, shape=[1, 0, -1, 0]),
        lambda x: x.reshape(1, 1, 2, 50),
        "iOS17",
        note="zeros inherit from the end",
    ),
    Case(
        "shape",
        (normal(3, 5),),
        lambda mb, x: mb.reshape(x=x, shape=mb.gather(x=mb.shape(x=x), indices=[1, 0], axis=0)),
        lambda x: x.reshape(5, 3),
    ),
    Case("squeeze", (normal(3, 1, 5, 1),), lambda mb, x: mb.squeeze(x=x, axes=[-1]), lambda x: x[..., 0]),
    Case(
        "squeeze", (normal(3, 1, 5, 1),), lambda mb, x: mb.squeeze(x=x), lambda x: x[:, 0, :, 0], note="all"
    ),
    Case(
        "stack",
        (normal(3, 5), normal(3, 5)),
        lambda mb, x, y: mb.stack(values=(x, y), axis=1),
        lambda x, y: torch.cat([x[:, None], y[:, None]], 1),
    ),
    Case(
        "tile",
        (normal(3, 5),),
        lambda mb, x: mb.tile(x=x, reps=[2, 3]),
        lambda x: torch.cat([torch.cat([x] * 3, 1)] * 2),
    ),
    Case(
        "transpose",
        (normal(2, 3, 5),),
        lambda mb, x: mb.transpose(x=x, perm=[2, 0, -2]),
        lambda x: x.permute(2, 0, 1),
    ),
]

SLICES = [
    Case(
        "slice_by_index",
        (normal(6, 7, 5),),
        lambda mb, x: mb.slice_by_index(
            x=x,
            begin=[1, 5, 0],
            end=[6, 0, 0],
            stride=[2, -2, 1],
            end_mask=[False, True, True],
            begin_mask=[False, False, True],
        ),
        lambda x: torch.as_tensor(x.numpy()[1:6:2, 5::-2].copy()),
    ),
    Case(
        "slice_by_index",
        (normal(6, 7, 5),),
        lambda mb, x: mb.slice_by_index(
            x=x, begin=[0, -2, 1], end=[-1, 0, 3], squeeze_mask=[False, True, False]
        ),
        lambda x: x[:-1, -2, 1:3],
        note="picked",
    ),
    Case(
        "slice_by_size",
        (normal(6, 7, 5),),
        lambda mb, x: mb.slice_by_size(x=x, begin=[1, 0, 2], size=[3, -1, 2]),
        lambda x: x[1:4, :, 2:4],
    ),
    Case(
        "split",
        (normal(2, 9, 3),),
        lambda mb, x: mb.split(x=x, num_splits=3, axis=1),
        lambda x: (x[:, :3], x[:, 3:6], x[:, 6:]),
    ),
    Case(
        "split",
        (normal(2, 9, 3),),
        lambda mb, x: mb.split(x=x, split_sizes=[2, 7], axis=1),
        lambda x: (x[:, :2], x[:, 2:]),
        note="sizes",
    ),
    Case(
        "band_part",
        (normal(5, 7),),
        lambda mb, x: mb.band_part(x=x, lower=1, upper=2),
        lambda x: x.triu(-1).tril(2),
    ),
    Case(
        "band_part",
        (normal(5, 7),),
        lambda mb, x: mb.band_part(x=x, lower=-1, upper=0),
        torch.tril,
        note="lower",
    ),
    Case(
        "reverse", (normal(3, 5, 7),), lambda mb, x: mb.reverse(x=x, axes=[0, 2]), lambda x: x.flip(0).flip(2)
    ),
]

GATHERS = [
    Case(
        "gather",
        (normal(7),),
        lambda mb, x: mb.gather(x=x, indices=np.int32(5), axis=0),
        lambda x: x[5],
        note="one number",
    ),
    Case(
        "gather",
        (normal(3, 7, 5), whole(0, 7, 2, 4)),
        lambda mb, x, i: mb.gather(x=x, indices=i, axis=1),
        lambda x, i: x[:, i],
    ),
    Case(
        "gather",
        (normal(3, 7, 5), whole(0, 5, 3, 2)),
        lambda mb, x, i: mb.gather(x=x, indices=i, axis=2, batch_dims=1),
        lambda x, i: torch.stack([x[b][:, i[b]] for b in range(3)]),
        "iOS16",
        note="batch",
    ),
    Case(
        "gather_along_axis",
        (normal(3, 7), whole(-7, 7, 3, 4)),
        lambda mb, x, i: mb.gather_along_axis(x=x, indices=i, axis=1),
        lambda x, i: torch.stack([x[b][i[b]] for b in range(3)]),
    ),
    Case(
        "gather_nd",
        (normal(3, 7, 5), whole(0, 3, 4, 2)),
        lambda mb, x, i: mb.gather_nd(x=x, indices=i),
        lambda x, i: torch.stack([x[a, b] for a, b in i.tolist()]),
    ),
    Case(
        "gather_nd",
        (normal(3, 7, 5), whole(0, 5, 3, 4, 1)),
        lambda mb, x, i: mb.gather_nd(x=x, indices=i, batch_dims=1),
        lambda x, i: torch.stack([x[b, i[b, :, 0]] for b in range(3)]),
        "iOS16",
        note="batch",
    ),
]

RESIZES = [
    Case(
        "upsample_nearest_neighbor",
        (normal(2, 3, 5, 7),),
        lambda mb, x: mb.upsample_nearest_neighbor(x=x, scale_factor_height=2, scale_factor_width=3),
        lambda x: x.repeat_interleave(2, -2).repeat_interleave(3, -1),
    ),
    Case(
        "resize_nearest_neighbor",
        (normal(3, 5, 7),),
        lambda mb, x: mb.resize_nearest_neighbor(x=x, target_size_height=9, target_size_width=4),
        lambda x: x[:, [k * 5 // 9 for k in range(9)]][:, :, [k * 7 // 4 for k in range(4)]],
    ),
    *(
        Case(
            "upsample_bilinear",
            (normal(2, 3, 5, 7),),
            lambda mb, x, aligned=aligned: mb.upsample_bilinear(
                x=x, scale_factor_height=2, scale_factor_width=3, align_corners=aligned
            ),
            lambda x, aligned=aligned: functional.interpolate(
                x, (10, 21), mode="bilinear", align_corners=aligned
            ),
            note=f"corners {aligned}",
        )
        for aligned in (False, True)
    ),
]

MOVING = [*NORMALIZATIONS, *REDUCTIONS, *SHAPES, *SLICES, *GATHERS, *RESIZES]
