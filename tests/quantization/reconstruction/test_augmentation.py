import torch

from ca_deploy.quantization.reconstruction.augmentation import augmented


def test_images_are_moved_and_mirrored_and_nothing_else():
    images = torch.arange(2 * 16 * 16, dtype=torch.float32).reshape(2, 16, 16, 1).expand(-1, -1, -1, 3)
    made = augmented(images.repeat(8, 1, 1, 1), torch.Generator().manual_seed(0))
    assert made.shape == (16, 16, 16, 3)
    for source, one in zip(images.repeat(8, 1, 1, 1), made, strict=True):
        middle = one[2:-2, 2:-2]
        assert any(
            torch.equal(middle, seen[2 + row : 14 + row, 2 + column : 14 + column])
            for seen in (source, source.flip(1))
            for row in (-1, 0, 1)
            for column in (-1, 0, 1)
        )


def test_the_seed_decides():
    images = torch.randn(4, 8, 8, 3, generator=torch.Generator().manual_seed(1))
    first, same, other = (augmented(images, torch.Generator().manual_seed(seed)) for seed in (0, 0, 1))
    assert torch.equal(first, same)
    assert not torch.equal(first, other)
