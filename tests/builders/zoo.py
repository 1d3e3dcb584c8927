"""Nets with the features of well-known ones, written in their style but not copied."""

from __future__ import annotations

from tests.builders.caffe import TEST, TRAIN, conv, inner, layer

MEAN = 'transform_param { mirror: true crop_size: 227 mean_file: "mean.binaryproto" }'
GAUSS = 'weight_filler { type: "gaussian" std: 0.01 } bias_filler { type: "constant" value: 0.1 }'
RATES = "param { lr_mult: 1 decay_mult: 1 } param { lr_mult: 2 decay_mult: 0 }"


def both(top: str = "data label", *, more: str = "", batch: int = 8) -> str:
    """A Data layer for each phase, both with the same name."""
    return "".join(
        layer(
            "data",
            "Data",
            "",
            top,
            f'{phase} {more} data_param {{ source: "{name}" batch_size: {batch} backend: LMDB }}',
        )
        for phase, name in ((TRAIN, "train_lmdb"), (TEST, "test_lmdb"))
    )


def rated(text: str) -> str:
    """A layer with its own learning rates for weights and biases."""
    return text.replace(" type:", f" {RATES} type:", 1)


def relu(blob: str) -> str:
    """A ReLU in place."""
    return layer(f"relu_{blob}", "ReLU", blob, blob)


def pool(name: str, bottom: str, kernel: int = 3, stride: int = 2, kind: str = "MAX") -> str:
    """A pooling layer; its windows overlap if ``kernel`` is larger than ``stride``."""
    param = f"pool: {kind} kernel_size: {kernel} stride: {stride}"
    return layer(name, "Pooling", bottom, name, f"pooling_param {{ {param} }}")


def alexnet() -> str:
    """Groups, local response normalization, dropout, 1,000 classes."""
    norm = "lrn_param { local_size: 5 alpha: 0.0001 beta: 0.75 }"
    drop = "dropout_param { dropout_ratio: 0.5 }"
    return "".join(
        [
            both(more=MEAN),
            rated(conv("conv1", "data", 96, 11, f"stride: 4 {GAUSS}")),
            relu("conv1"),
            layer("norm1", "LRN", "conv1", "norm1", norm),
            pool("pool1", "norm1"),
            conv("conv2", "pool1", 256, 5, f"pad: 2 group: 2 {GAUSS}"),
            relu("conv2"),
            pool("pool2", "conv2"),
            inner("fc6", "pool2", 4096, 'type: "gaussian" std: 0.005'),
            relu("fc6"),
            layer("drop6", "Dropout", "fc6", "fc6", drop),
            inner("fc8", "fc6", 1000, 'type: "gaussian" std: 0.01'),
            layer("accuracy", "Accuracy", "fc8 label", "accuracy", TEST),
            layer("loss", "SoftmaxWithLoss", "fc8 label", "loss"),
        ]
    )


def googlenet() -> str:
    """An inception module, and three losses with weights."""
    parts = [both(more="transform_param { crop_size: 224 mean_value: 104 mean_value: 117 }")]
    parts += [conv("conv1", "data", 64, 7, "pad: 3 stride: 2"), relu("conv1")]
    parts += [
        conv("a/1x1", "conv1", 64, 1),
        conv("a/3x3", "conv1", 128, 3, "pad: 1"),
        pool("a/pool", "conv1", 3, 1),
        layer("a/output", "Concat", "a/1x1 a/3x3 a/pool", "a/output"),
    ]
    for place in ("loss1", "loss2"):
        parts += [
            pool(f"{place}/ave_pool", "a/output", 5, 3, "AVE"),
            conv(f"{place}/conv", f"{place}/ave_pool", 128, 1),
            relu(f"{place}/conv"),
            inner(f"{place}/fc", f"{place}/conv", 1024),
            relu(f"{place}/fc"),
            layer(f"{place}/drop_fc", "Dropout", f"{place}/fc", f"{place}/fc"),
            inner(f"{place}/classifier", f"{place}/fc", 1000),
            layer(
                f"{place}/loss",
                "SoftmaxWithLoss",
                f"{place}/classifier label",
                f"{place}/loss1",
                "loss_weight: 0.3",
            ),
        ]
    return "".join(
        [
            *parts,
            pool("pool5", "a/output", 7, 1, "AVE"),
            layer("drop", "Dropout", "pool5", "pool5"),
            inner("loss3/classifier", "pool5", 1000),
            layer(
                "loss3/loss3",
                "SoftmaxWithLoss",
                "loss3/classifier label",
                "loss3/loss3",
                "loss_weight: 1",
            ),
            layer(
                "loss3/top-5",
                "Accuracy",
                "loss3/classifier label",
                "top5",
                f"{TEST} accuracy_param {{ top_k: 5 }}",
            ),
        ]
    )


def lenet() -> str:
    """Pixels scaled to 0..1, and xavier fillers."""
    return "".join(
        [
            both(more="transform_param { scale: 0.00390625 }"),
            conv("conv1", "data", 20, 5, 'stride: 1 weight_filler { type: "xavier" }'),
            pool("pool1", "conv1", 2, 2),
            inner("ip1", "pool1", 500),
            relu("ip1"),
            inner("ip2", "ip1", 10),
            layer("accuracy", "Accuracy", "ip2 label", "accuracy", TEST),
            layer("loss", "SoftmaxWithLoss", "ip2 label", "loss"),
        ]
    )


def cifar_quick() -> str:
    """A mean file, and tiny weights in the first layer."""
    return "".join(
        [
            both(more='transform_param { mean_file: "mean.binaryproto" }'),
            conv("conv1", "data", 32, 5, 'pad: 2 weight_filler { type: "gaussian" std: 0.0001 }'),
            pool("pool1", "conv1"),
            relu("pool1"),
            conv("conv2", "pool1", 32, 5, f"pad: 2 {GAUSS}"),
            relu("conv2"),
            pool("pool2", "conv2", 3, 2, "AVE"),
            inner("ip1", "pool2", 64, 'type: "gaussian" std: 0.1'),
            inner("ip2", "ip1", 10, 'type: "gaussian" std: 0.1'),
            layer("accuracy", "Accuracy", "ip2 label", "accuracy", TEST),
            layer("loss", "SoftmaxWithLoss", "ip2 label", "loss"),
        ]
    )


def vgg16_v1() -> str:
    """V1 layers: types in capitals, blobs_lr, weight_decay."""
    head = "".join(
        f'layers {{ name: "data" type: DATA top: "data" top: "label" include {{ phase: {phase} }} '
        f'data_param {{ source: "{name}" backend: LMDB batch_size: 4 crop_size: 224 mirror: true '
        'mean_file: "mean.binaryproto" } }\n'
        for phase, name in (("TRAIN", "train_lmdb"), ("TEST", "test_lmdb"))
    )
    return (
        head
        + """
layers { bottom: "data" top: "conv1_1" name: "conv1_1" type: CONVOLUTION
  blobs_lr: 1 blobs_lr: 2 weight_decay: 1 weight_decay: 0
  convolution_param { num_output: 64 pad: 1 kernel_size: 3 } }
layers { bottom: "conv1_1" top: "conv1_1" name: "relu1_1" type: RELU }
layers { bottom: "conv1_1" top: "pool1" name: "pool1" type: POOLING
  pooling_param { pool: MAX kernel_size: 2 stride: 2 } }
layers { bottom: "pool1" top: "fc6" name: "fc6" type: INNER_PRODUCT
  inner_product_param { num_output: 4096 } }
layers { bottom: "fc6" top: "fc6" name: "drop6" type: DROPOUT
  dropout_param { dropout_ratio: 0.5 } }
layers { bottom: "fc6" top: "fc8" name: "fc8" type: INNER_PRODUCT
  inner_product_param { num_output: 1000 } }
layers { name: "loss" type: SOFTMAX_LOSS bottom: "fc8" bottom: "label" }
layers { name: "acc" type: ACCURACY bottom: "fc8" bottom: "label" top: "acc"
  include: { phase: TEST } }
"""
    )


def fcn() -> str:
    """Label images from a separate layer, ignore_label, Deconvolution and Crop."""
    lists = "".join(
        layer(
            name,
            "Data",
            "",
            name,
            f'{more} data_param {{ source: "{name}_lmdb" batch_size: 1 backend: LMDB }}',
        )
        for name, more in (
            ("data", "transform_param { mean_value: 104.0 mean_value: 117 mean_value: 123 }"),
            ("label", ""),
        )
    )
    return "".join(
        [
            lists,
            conv("conv1_1", "data", 64, 3, "pad: 100"),
            relu("conv1_1"),
            pool("pool1", "conv1_1", 2, 2),
            conv("score_fr", "pool1", 21, 1),
            layer(
                "upscore",
                "Deconvolution",
                "score_fr",
                "upscore",
                "param { lr_mult: 0 } convolution_param { num_output: 21 bias_term: false "
                'kernel_size: 64 stride: 32 weight_filler { type: "bilinear" } }',
            ),
            layer("score", "Crop", "upscore data", "score", "crop_param { axis: 2 offset: 19 }"),
            layer(
                "loss",
                "SoftmaxWithLoss",
                "score label",
                "loss",
                "loss_param { ignore_label: 255 normalize: false }",
            ),
        ]
    )


def siamese() -> str:
    """Pairs in one record that Slice separates, shared weights, and a contrastive loss."""
    parts = [
        both("pair_data sim", more="transform_param { scale: 0.00390625 }"),
        layer(
            "slice_pair",
            "Slice",
            "pair_data",
            "data data_p",
            "slice_param { slice_dim: 1 slice_point: 1 }",
        ),
    ]
    for end in ("", "_p"):
        shared = 'param { name: "w" lr_mult: 1 } param { name: "b" lr_mult: 2 }'
        parts += [
            conv(f"conv1{end}", f"data{end}", 20, 5).replace(" type:", f" {shared} type:", 1),
            inner(f"feat{end}", f"conv1{end}", 2),
        ]
    parts.append(
        layer(
            "loss",
            "ContrastiveLoss",
            "feat feat_p sim",
            "loss",
            "contrastive_loss_param { margin: 1 }",
        )
    )
    return "".join(parts)


def resnet() -> str:
    """BatchNorm with in-place Scale, and sums of branches."""
    norm = "".join(
        layer(f"bn_{name}", "BatchNorm", name, name, "batch_norm_param { use_global_stats: false }")
        + layer(f"scale_{name}", "Scale", name, name, "scale_param { bias_term: true }")
        for name in ("conv1",)
    )
    return "".join(
        [
            both(more="transform_param { crop_size: 224 mean_value: 104 mean_value: 117 }"),
            conv("conv1", "data", 64, 7, "pad: 3 stride: 2 bias_term: false"),
            norm,
            relu("conv1"),
            pool("pool1", "conv1"),
            conv("res2a", "pool1", 64, 3, 'pad: 1 weight_filler { type: "msra" }'),
            conv("res2b", "pool1", 64, 1, "stride: 1"),
            layer("res2", "Eltwise", "res2a res2b", "res2", "eltwise_param { operation: SUM }"),
            pool("pool5", "res2", 7, 1, "AVE"),
            inner("fc1000", "pool5", 1000),
            layer("loss", "SoftmaxWithLoss", "fc1000 label", "loss"),
            layer("acc", "Accuracy", "fc1000 label", "acc", TEST),
        ]
    )


def squeezenet() -> str:
    """A convolution and a global pooling in place of the last InnerProduct."""
    return "".join(
        [
            both(more="transform_param { crop_size: 227 mean_value: 104 }"),
            conv("conv1", "data", 64, 3, "stride: 2"),
            relu("conv1"),
            conv("conv10", "conv1", 1000, 1),
            relu("conv10"),
            layer(
                "pool10",
                "Pooling",
                "conv10",
                "pool10",
                "pooling_param { pool: AVE global_pooling: true }",
            ),
            layer(
                "loss",
                "SoftmaxWithLoss",
                "pool10 label",
                "loss",
                TRAIN,
            ),
            layer("accuracy", "Accuracy", "pool10 label", "accuracy", TEST),
        ]
    )


def regression() -> str:
    """HDF5 with two targets, and a loss_weight on a layer that is not a loss."""
    return "".join(
        [
            layer(
                "data",
                "HDF5Data",
                "",
                "data label freq",
                'hdf5_data_param { source: "train.txt" batch_size: 10 shuffle: true }',
            ),
            inner("ip", "data", 1),
            layer("loss", "EuclideanLoss", "ip label", "loss"),
            inner("ip2", "data", 1),
            layer("aux", "SigmoidCrossEntropyLoss", "ip2 freq", "aux", "loss_weight: 0.5"),
            layer(
                "l1",
                "Reduction",
                "ip2",
                "l1",
                "loss_weight: 0.001 reduction_param { operation: ASUM }",
            ),
        ]
    )


STEP = (
    'net: "train_val.prototxt" test_iter: 100 test_interval: 1000 base_lr: 0.01 lr_policy: "step" '
    "gamma: 0.1 stepsize: 100000 display: 20 max_iter: 450000 momentum: 0.9 weight_decay: 0.0005 "
    'snapshot: 10000 snapshot_prefix: "net" solver_mode: GPU'
)
INV = STEP.replace('"step" gamma: 0.1 stepsize: 100000', '"inv" gamma: 0.0001 power: 0.75')
POLY = STEP.replace('"step" gamma: 0.1 stepsize: 100000', '"poly" power: 0.5 iter_size: 2')
FIXED = STEP.replace('"step" gamma: 0.1 stepsize: 100000', '"fixed"').replace(
    "base_lr: 0.01", "base_lr: 1e-10"
)

ZOO = {
    "alexnet": (alexnet(), STEP),
    "googlenet": (googlenet(), POLY),
    "lenet": (lenet(), INV),
    "cifar_quick": (cifar_quick(), STEP.replace("0.01", "0.001")),
    "vgg16_v1": (vgg16_v1(), STEP),
    "fcn": (fcn(), FIXED),
    "siamese": (siamese(), INV),
    "resnet": (resnet(), STEP.replace("0.01", "0.1")),
    "squeezenet": (squeezenet(), POLY),
    "regression": (regression(), STEP),
}
"""Each net with a suitable solver."""
