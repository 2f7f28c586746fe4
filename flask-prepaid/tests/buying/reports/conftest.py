import pytest

from ..shop import Shop, ShopWith


@pytest.fixture
def far_shop(shop_with: ShopWith) -> Shop:
    """A shop whose days begin half a day before those of UTC, and an hour sooner in summer."""
    return shop_with(PREPAID_TIME_ZONE="Pacific/Auckland")
