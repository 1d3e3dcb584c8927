"""Names of types in the V1 format, as Caffe upgrades them (UpgradeV1LayerType)."""

from __future__ import annotations

from datascan.caffe.net.layer_types import current_type_name
from datascan.caffe.net.schema import ENUMS

TODAY = (
    "None AbsVal Accuracy ArgMax BNLL Concat ContrastiveLoss Convolution Data Deconvolution "
    "Dropout DummyData EuclideanLoss Eltwise Exp Flatten HDF5Data HDF5Output HingeLoss Im2col "
    "ImageData InfogainLoss InnerProduct LRN MemoryData MultinomialLogisticLoss MVN Pooling Power "
    "ReLU Sigmoid SigmoidCrossEntropyLoss Silence Slice Softmax SoftmaxWithLoss Split TanH "
    "Threshold WindowData"
)


def test_names_of_today():
    assert [current_type_name(word) for word in ENUMS["V1Type"].split()] == TODAY.split()
