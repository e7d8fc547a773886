"""Decoding and the recipe's preprocessing: the only place for both."""

from ca_deploy.images.archive import ImageArchive
from ca_deploy.images.decoding import BrokenImageError, decode
from ca_deploy.images.folder import ImageFolder
from ca_deploy.images.labelled import LabelledImage, LabelledImages, open_labelled
from ca_deploy.images.loading import ImageLoader, Skipped, find_images, load_pixels
from ca_deploy.images.preprocessing import (
    Preprocessing,
    are_whole_pixels,
    denormalise,
    normalise,
    resize_and_crop,
    shorter_side,
)
from ca_deploy.images.source import Candidate, ImageSource, Pixels

__all__ = [
    "BrokenImageError",
    "Candidate",
    "ImageArchive",
    "ImageFolder",
    "ImageLoader",
    "ImageSource",
    "LabelledImage",
    "LabelledImages",
    "Pixels",
    "Preprocessing",
    "Skipped",
    "are_whole_pixels",
    "decode",
    "denormalise",
    "find_images",
    "load_pixels",
    "normalise",
    "open_labelled",
    "resize_and_crop",
    "shorter_side",
]
