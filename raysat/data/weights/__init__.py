"""Pretrained weights for satellites: whose bands and units they are, and how a store's become these."""
