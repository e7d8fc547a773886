"""Exact changes of scale and offset between layers, so that one int8 scale suits all channels of a tensor."""

from ca_deploy.passes.equalization.equalize_streams import EqualizeStreams

__all__ = ["EqualizeStreams"]
