"""Networks: timm models for any number of bands, stems and classifiers."""
