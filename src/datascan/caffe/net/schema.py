"""The fields of Caffe's nets and solvers, as a table.

Each message is a string of words. ``name:type`` is a field that datascan reads; its type is a
scalar, an enum, or another message of the table. ``*`` marks a repeated field, ``=value`` a
default. A bare ``name`` is a field that Caffe has but datascan does not read.

Source: Caffe 1.0, src/caffe/proto/caffe.proto (proto2).
"""

from __future__ import annotations

ENUMS = {
    "Phase": "TRAIN TEST",
    "DB": "LEVELDB LMDB",
    "PoolMethod": "MAX AVE STOCHASTIC",
    "RoundMode": "CEIL FLOOR",
    "NormalizationMode": "FULL VALID BATCH_SIZE NONE",
    "VarianceNorm": "FAN_IN FAN_OUT AVERAGE",
    "Engine": "DEFAULT CAFFE CUDNN",
    "NormRegion": "ACROSS_CHANNELS WITHIN_CHANNEL",
    "EltwiseOp": "PROD SUM MAX",
    "DimCheckMode": "STRICT PERMISSIVE",
    "SnapshotFormat": "HDF5 BINARYPROTO",
    "SolverMode": "CPU GPU",
    "SolverType": "SGD NESTEROV ADAGRAD RMSPROP ADADELTA ADAM",
    "V1Type": (
        "NONE ABSVAL ACCURACY ARGMAX BNLL CONCAT CONTRASTIVE_LOSS CONVOLUTION DATA DECONVOLUTION "
        "DROPOUT DUMMY_DATA EUCLIDEAN_LOSS ELTWISE EXP FLATTEN HDF5_DATA HDF5_OUTPUT HINGE_LOSS "
        "IM2COL IMAGE_DATA INFOGAIN_LOSS INNER_PRODUCT LRN MEMORY_DATA MULTINOMIAL_LOGISTIC_LOSS "
        "MVN POOLING POWER RELU SIGMOID SIGMOID_CROSS_ENTROPY_LOSS SILENCE SLICE SOFTMAX "
        "SOFTMAX_LOSS SPLIT TANH THRESHOLD WINDOW_DATA"
    ),
}

OTHER = "OTHER"
"""Read for a value that an enum of Caffe does not have: one of a fork, or a misspelt one."""

COMMON_LAYER_FIELDS = (
    "name:string bottom:string* top:string* include:NetStateRule* exclude:NetStateRule* "
    "loss_weight:float* blobs "
    "transform_param:TransformationParameter loss_param:LossParameter "
    "accuracy_param:AccuracyParameter argmax_param:ArgMaxParameter concat_param:ConcatParameter "
    "contrastive_loss_param:ContrastiveLossParameter convolution_param:ConvolutionParameter "
    "data_param:DataParameter dropout_param:DropoutParameter "
    "dummy_data_param:DummyDataParameter eltwise_param:EltwiseParameter exp_param:ExpParameter "
    "hdf5_data_param:HDF5DataParameter hdf5_output_param:HDF5OutputParameter "
    "hinge_loss_param:HingeLossParameter image_data_param:ImageDataParameter "
    "infogain_loss_param:InfogainLossParameter inner_product_param:InnerProductParameter "
    "lrn_param:LRNParameter memory_data_param:MemoryDataParameter mvn_param:MVNParameter "
    "pooling_param:PoolingParameter power_param:PowerParameter relu_param:ReLUParameter "
    "sigmoid_param:SigmoidParameter slice_param:SliceParameter softmax_param:SoftmaxParameter "
    "tanh_param:TanHParameter threshold_param:ThresholdParameter "
    "window_data_param:WindowDataParameter"
)

MESSAGES = {
    "NetParameter": (
        "name:string input:string* input_shape:BlobShape* input_dim:int32* force_backward "
        "state:NetState debug_info layer:LayerParameter* layers:V1LayerParameter*"
    ),
    "SolverParameter": (
        "net:string net_param:NetParameter train_net:string test_net:string* "
        "train_net_param:NetParameter test_net_param:NetParameter* train_state:NetState "
        "test_state:NetState* test_iter:int32* test_interval test_compute_loss "
        "test_initialization base_lr:float display:int32 average_loss:int32=1 max_iter:int32 "
        "iter_size:int32=1 lr_policy:string gamma:float power:float momentum:float weight_decay "
        "regularization_type stepsize:int32 stepvalue:int32* clip_gradients snapshot "
        "snapshot_prefix snapshot_diff snapshot_format:SnapshotFormat "
        "solver_mode:SolverMode device_id random_seed "
        "type:string=SGD delta momentum2 rms_decay debug_info snapshot_after_train "
        "solver_type:SolverType layer_wise_reduce weights:string*"
    ),
    "LayerParameter": (
        f"{COMMON_LAYER_FIELDS} type:string phase:Phase param:ParamSpec* propagate_down "
        "batch_norm_param:BatchNormParameter bias_param:BiasParameter clip_param:ClipParameter "
        "crop_param:CropParameter elu_param:ELUParameter embed_param:EmbedParameter "
        "flatten_param:FlattenParameter input_param:InputParameter log_param:LogParameter "
        "parameter_param:ParameterParameter prelu_param:PReLUParameter "
        "python_param:PythonParameter recurrent_param:RecurrentParameter "
        "reduction_param:ReductionParameter reshape_param:ReshapeParameter "
        "scale_param:ScaleParameter spp_param:SPPParameter swish_param:SwishParameter "
        "tile_param:TileParameter"
    ),
    "V1LayerParameter": (
        f"{COMMON_LAYER_FIELDS} type:V1Type param:string* blob_share_mode:DimCheckMode* "
        "blobs_lr:float* "
        "weight_decay layer:V0LayerParameter"
    ),
    "V0LayerParameter": (
        "name:string type:string num_output:uint32 biasterm:bool weight_filler:FillerParameter "
        "bias_filler:FillerParameter pad:uint32=0 kernelsize:uint32 group:uint32=1 "
        "stride:uint32=1 pool:PoolMethod=MAX dropout_ratio local_size alpha beta k source:string "
        "scale:float=1 meanfile:string batchsize:uint32 cropsize:uint32=0 mirror blobs "
        "blobs_lr:float* weight_decay rand_skip:uint32=0 det_fg_threshold det_bg_threshold "
        "det_fg_fraction det_context_pad det_crop_mode new_num new_channels new_height:uint32=0 "
        "new_width:uint32=0 shuffle_images:bool=false concat_dim:uint32=1 hdf5_output_param"
    ),
    "BlobShape": "dim:int64*",
    "NetState": "phase:Phase=TEST level:int32 stage:string*",
    "NetStateRule": "phase:Phase min_level:int32 max_level:int32 stage:string* not_stage:string*",
    "ParamSpec": "name share_mode:DimCheckMode lr_mult:float=1 decay_mult",
    "FillerParameter": (
        "type:string=constant value:float=0 min:float=0 max:float=1 mean:float=0 std:float=1 "
        "sparse variance_norm:VarianceNorm=FAN_IN"
    ),
    "TransformationParameter": (
        "scale:float=1 mirror crop_size:uint32=0 mean_file:string mean_value:float* "
        "force_color:bool force_gray:bool"
    ),
    "LossParameter": ("ignore_label:int32 normalization:NormalizationMode=VALID normalize:bool"),
    "AccuracyParameter": "top_k axis:int32=1 ignore_label:int32",
    "ArgMaxParameter": "out_max_val top_k axis",
    "ClipParameter": "min max",
    "ConcatParameter": "axis:int32=1 concat_dim:uint32=1",
    "BatchNormParameter": "use_global_stats:bool moving_average_fraction eps:float=1e-5",
    "BiasParameter": "axis num_axes filler",
    "ContrastiveLossParameter": "margin legacy_version",
    "ConvolutionParameter": (
        "num_output:uint32 bias_term pad:uint32* kernel_size:uint32* stride:uint32* "
        "dilation:uint32* pad_h:uint32=0 pad_w:uint32=0 kernel_h:uint32 kernel_w:uint32 "
        "stride_h:uint32 stride_w:uint32 group:uint32=1 weight_filler:FillerParameter "
        "bias_filler:FillerParameter engine:Engine axis:int32=1 force_nd_im2col"
    ),
    "CropParameter": "axis offset",
    "DataParameter": (
        "source:string batch_size:uint32 rand_skip:uint32=0 backend:DB=LEVELDB scale:float=1 "
        "mean_file:string crop_size:uint32=0 mirror force_encoded_color:bool "
        "prefetch"
    ),
    "DropoutParameter": "dropout_ratio",
    "DummyDataParameter": "data_filler shape num channels height width",
    "EltwiseParameter": "operation:EltwiseOp coeff stable_prod_grad",
    "ELUParameter": "alpha",
    "EmbedParameter": "num_output input_dim bias_term weight_filler bias_filler",
    "ExpParameter": "base scale shift",
    "FlattenParameter": "axis end_axis",
    "HDF5DataParameter": "source:string batch_size:uint32 shuffle:bool=false",
    "HDF5OutputParameter": "file_name",
    "HingeLossParameter": "norm",
    "ImageDataParameter": (
        "source:string batch_size:uint32=1 rand_skip:uint32=0 shuffle:bool=false "
        "new_height:uint32=0 new_width:uint32=0 is_color:bool=true scale:float=1 mean_file:string "
        "crop_size:uint32=0 mirror root_folder:string"
    ),
    "InfogainLossParameter": "source:string axis:int32=1",
    "InnerProductParameter": (
        "num_output:uint32 bias_term weight_filler:FillerParameter bias_filler:FillerParameter "
        "axis:int32=1 transpose"
    ),
    "InputParameter": "shape",
    "LogParameter": "base scale shift",
    "LRNParameter": "local_size alpha beta norm_region:NormRegion k engine:Engine",
    "MemoryDataParameter": "batch_size channels height width",
    "MVNParameter": "normalize_variance across_channels eps",
    "ParameterParameter": "shape",
    "PoolingParameter": (
        "pool:PoolMethod=MAX pad:uint32=0 pad_h:uint32=0 pad_w:uint32=0 kernel_size:uint32 "
        "kernel_h:uint32 kernel_w:uint32 stride:uint32=1 stride_h:uint32 stride_w:uint32 "
        "engine:Engine "
        "global_pooling:bool=false round_mode:RoundMode=CEIL kernel:uint32 ceil_mode:bool=true"
    ),
    "PowerParameter": "power scale shift",
    "PReLUParameter": "filler channel_shared",
    "PythonParameter": "module layer param_str share_in_parallel",
    "RecurrentParameter": ("num_output:uint32 weight_filler bias_filler debug_info expose_hidden"),
    "ReductionParameter": "operation axis coeff",
    "ReLUParameter": "negative_slope engine:Engine",
    "ReshapeParameter": "shape:BlobShape axis:int32=0 num_axes:int32=-1",
    "ScaleParameter": "axis num_axes filler bias_term bias_filler",
    "SigmoidParameter": "engine:Engine",
    "SliceParameter": "axis slice_point slice_dim",
    "SoftmaxParameter": "engine:Engine axis:int32=1",
    "SPPParameter": "pyramid_height pool:PoolMethod engine:Engine",
    "SwishParameter": "beta",
    "TanHParameter": "engine:Engine",
    "ThresholdParameter": "threshold",
    "TileParameter": "axis tiles",
    "WindowDataParameter": (
        "source scale mean_file batch_size crop_size mirror fg_threshold bg_threshold fg_fraction "
        "context_pad crop_mode cache_images root_folder"
    ),
}

ALIASES = {("PoolingParameter", "kernel"): "kernel_size"}
"""Fields that Caffe does not have but people write, and the fields that they mean."""

FORK_FIELDS = frozenset({("PoolingParameter", "ceil_mode")})
"""Fields of forks that are read, because a rule would be wrong without them."""


def enum_word(enum: str, number: int) -> str:
    """The word of a number of an enum; ``OTHER`` if Caffe does not have it."""
    words = ENUMS[enum].split()
    return words[number] if 0 <= number < len(words) else OTHER
