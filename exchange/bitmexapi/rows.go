package bitmexapi

// The rows of the API, with every field of the venue's published models in their
// order. What a row does not have is null: an empty Number, a nil integer, the zero
// Time. Quantities are contracts, money is in the smallest unit of its currency.

// Order is an order of an account. Key: orderID.
type Order struct {
	OrderID          string `json:"orderID"`
	ClOrdID          string `json:"clOrdID"`
	ClOrdLinkID      string `json:"clOrdLinkID"`
	Account          *int64 `json:"account"`
	Symbol           string `json:"symbol"`
	Side             string `json:"side"`
	OrderQty         *int64 `json:"orderQty"`
	Price            Number `json:"price"`
	DisplayQty       *int64 `json:"displayQty"`
	StopPx           Number `json:"stopPx"`
	PegOffsetValue   Number `json:"pegOffsetValue"`
	PegPriceType     string `json:"pegPriceType"`
	Currency         string `json:"currency"`
	SettlCurrency    string `json:"settlCurrency"`
	OrdType          string `json:"ordType"`
	TimeInForce      string `json:"timeInForce"`
	ExecInst         string `json:"execInst"`
	ContingencyType  string `json:"contingencyType"`
	OrdStatus        string `json:"ordStatus"`
	Triggered        string `json:"triggered"`
	WorkingIndicator bool   `json:"workingIndicator"`
	OrdRejReason     string `json:"ordRejReason"`
	LeavesQty        *int64 `json:"leavesQty"`
	CumQty           *int64 `json:"cumQty"`
	AvgPx            Number `json:"avgPx"`
	Text             string `json:"text"`
	TransactTime     Time   `json:"transactTime"`
	Timestamp        Time   `json:"timestamp"`
}

// Execution is something that happened to an order or a position. Key: execID.
type Execution struct {
	ExecID                string `json:"execID"`
	OrderID               string `json:"orderID"`
	ClOrdID               string `json:"clOrdID"`
	ClOrdLinkID           string `json:"clOrdLinkID"`
	Account               *int64 `json:"account"`
	Symbol                string `json:"symbol"`
	Side                  string `json:"side"`
	LastQty               *int64 `json:"lastQty"`
	LastPx                Number `json:"lastPx"`
	LastLiquidityInd      string `json:"lastLiquidityInd"`
	OrderQty              *int64 `json:"orderQty"`
	Price                 Number `json:"price"`
	DisplayQty            *int64 `json:"displayQty"`
	StopPx                Number `json:"stopPx"`
	PegOffsetValue        Number `json:"pegOffsetValue"`
	PegPriceType          string `json:"pegPriceType"`
	Currency              string `json:"currency"`
	SettlCurrency         string `json:"settlCurrency"`
	ExecType              string `json:"execType"`
	OrdType               string `json:"ordType"`
	TimeInForce           string `json:"timeInForce"`
	ExecInst              string `json:"execInst"`
	ContingencyType       string `json:"contingencyType"`
	OrdStatus             string `json:"ordStatus"`
	Triggered             string `json:"triggered"`
	WorkingIndicator      bool   `json:"workingIndicator"`
	OrdRejReason          string `json:"ordRejReason"`
	LeavesQty             *int64 `json:"leavesQty"`
	CumQty                *int64 `json:"cumQty"`
	AvgPx                 Number `json:"avgPx"`
	Commission            Number `json:"commission"`
	FeeType               string `json:"feeType"`
	TradePublishIndicator string `json:"tradePublishIndicator"`
	Text                  string `json:"text"`
	TrdMatchID            string `json:"trdMatchID"`
	ExecCost              *int64 `json:"execCost"`
	ExecComm              *int64 `json:"execComm"`
	HomeNotional          Number `json:"homeNotional"`
	ForeignNotional       Number `json:"foreignNotional"`
	TransactTime          Time   `json:"transactTime"`
	Timestamp             Time   `json:"timestamp"`
}

// Position is a position of an account. Key: account, symbol.
type Position struct {
	Account              *int64 `json:"account"`
	Symbol               string `json:"symbol"`
	Currency             string `json:"currency"`
	Underlying           string `json:"underlying"`
	QuoteCurrency        string `json:"quoteCurrency"`
	Commission           Number `json:"commission"`
	InitMarginReq        Number `json:"initMarginReq"`
	MaintMarginReq       Number `json:"maintMarginReq"`
	RiskLimit            *int64 `json:"riskLimit"`
	Leverage             Number `json:"leverage"`
	CrossMargin          bool   `json:"crossMargin"`
	DeleveragePercentile Number `json:"deleveragePercentile"`
	RebalancedPnl        *int64 `json:"rebalancedPnl"`
	PrevRealisedPnl      *int64 `json:"prevRealisedPnl"`
	PrevUnrealisedPnl    *int64 `json:"prevUnrealisedPnl"`
	OpeningQty           *int64 `json:"openingQty"`
	OpenOrderBuyQty      *int64 `json:"openOrderBuyQty"`
	OpenOrderBuyCost     *int64 `json:"openOrderBuyCost"`
	OpenOrderBuyPremium  *int64 `json:"openOrderBuyPremium"`
	OpenOrderSellQty     *int64 `json:"openOrderSellQty"`
	OpenOrderSellCost    *int64 `json:"openOrderSellCost"`
	OpenOrderSellPremium *int64 `json:"openOrderSellPremium"`
	CurrentQty           *int64 `json:"currentQty"`
	CurrentCost          *int64 `json:"currentCost"`
	CurrentComm          *int64 `json:"currentComm"`
	RealisedCost         *int64 `json:"realisedCost"`
	UnrealisedCost       *int64 `json:"unrealisedCost"`
	GrossOpenPremium     *int64 `json:"grossOpenPremium"`
	IsOpen               bool   `json:"isOpen"`
	MarkPrice            Number `json:"markPrice"`
	MarkValue            *int64 `json:"markValue"`
	RiskValue            *int64 `json:"riskValue"`
	HomeNotional         Number `json:"homeNotional"`
	ForeignNotional      Number `json:"foreignNotional"`
	PosState             string `json:"posState"`
	PosCost              *int64 `json:"posCost"`
	PosCross             *int64 `json:"posCross"`
	PosComm              *int64 `json:"posComm"`
	PosLoss              *int64 `json:"posLoss"`
	PosMargin            *int64 `json:"posMargin"`
	PosMaint             *int64 `json:"posMaint"`
	InitMargin           *int64 `json:"initMargin"`
	MaintMargin          *int64 `json:"maintMargin"`
	RealisedPnl          *int64 `json:"realisedPnl"`
	UnrealisedPnl        *int64 `json:"unrealisedPnl"`
	UnrealisedPnlPcnt    Number `json:"unrealisedPnlPcnt"`
	UnrealisedRoePcnt    Number `json:"unrealisedRoePcnt"`
	AvgCostPrice         Number `json:"avgCostPrice"`
	AvgEntryPrice        Number `json:"avgEntryPrice"`
	BreakEvenPrice       Number `json:"breakEvenPrice"`
	MarginCallPrice      Number `json:"marginCallPrice"`
	LiquidationPrice     Number `json:"liquidationPrice"`
	BankruptPrice        Number `json:"bankruptPrice"`
	Timestamp            Time   `json:"timestamp"`
}

// Margin is the margin of an account in one currency. Key: account, currency.
type Margin struct {
	Account            *int64 `json:"account"`
	Currency           string `json:"currency"`
	RiskLimit          *int64 `json:"riskLimit"`
	State              string `json:"state"`
	Amount             *int64 `json:"amount"`
	PrevRealisedPnl    *int64 `json:"prevRealisedPnl"`
	GrossComm          *int64 `json:"grossComm"`
	GrossOpenCost      *int64 `json:"grossOpenCost"`
	GrossOpenPremium   *int64 `json:"grossOpenPremium"`
	GrossExecCost      *int64 `json:"grossExecCost"`
	GrossMarkValue     *int64 `json:"grossMarkValue"`
	RiskValue          *int64 `json:"riskValue"`
	InitMargin         *int64 `json:"initMargin"`
	MaintMargin        *int64 `json:"maintMargin"`
	TargetExcessMargin *int64 `json:"targetExcessMargin"`
	RealisedPnl        *int64 `json:"realisedPnl"`
	UnrealisedPnl      *int64 `json:"unrealisedPnl"`
	WalletBalance      *int64 `json:"walletBalance"`
	MarginBalance      *int64 `json:"marginBalance"`
	MarginLeverage     Number `json:"marginLeverage"`
	MarginUsedPcnt     Number `json:"marginUsedPcnt"`
	ExcessMargin       *int64 `json:"excessMargin"`
	AvailableMargin    *int64 `json:"availableMargin"`
	WithdrawableMargin *int64 `json:"withdrawableMargin"`
	MakerFeeDiscount   Number `json:"makerFeeDiscount"`
	TakerFeeDiscount   Number `json:"takerFeeDiscount"`
	Timestamp          Time   `json:"timestamp"`
}

// Wallet is the balance of an account in one currency. Key: account, currency.
type Wallet struct {
	Account        *int64 `json:"account"`
	Currency       string `json:"currency"`
	Deposited      *int64 `json:"deposited"`
	Withdrawn      *int64 `json:"withdrawn"`
	TransferIn     *int64 `json:"transferIn"`
	TransferOut    *int64 `json:"transferOut"`
	Amount         *int64 `json:"amount"`
	PendingCredit  *int64 `json:"pendingCredit"`
	PendingDebit   *int64 `json:"pendingDebit"`
	ConfirmedDebit *int64 `json:"confirmedDebit"`
	Timestamp      Time   `json:"timestamp"`
}

// Transaction is a change of a wallet.
type Transaction struct {
	TransactID     string `json:"transactID"`
	Account        *int64 `json:"account"`
	Currency       string `json:"currency"`
	Network        string `json:"network"`
	TransactType   string `json:"transactType"`
	Amount         *int64 `json:"amount"`
	Fee            *int64 `json:"fee"`
	TransactStatus string `json:"transactStatus"`
	Address        string `json:"address"`
	Tx             string `json:"tx"`
	Text           string `json:"text"`
	TransactTime   Time   `json:"transactTime"`
	Timestamp      Time   `json:"timestamp"`
	WalletBalance  *int64 `json:"walletBalance"`
}

// Instrument is a contract, a pair or an index. Key: symbol.
type Instrument struct {
	Symbol                         string `json:"symbol"`
	RootSymbol                     string `json:"rootSymbol"`
	State                          string `json:"state"`
	Typ                            string `json:"typ"`
	Listing                        Time   `json:"listing"`
	Front                          Time   `json:"front"`
	Expiry                         Time   `json:"expiry"`
	Settle                         Time   `json:"settle"`
	ListedSettle                   Time   `json:"listedSettle"`
	PositionCurrency               string `json:"positionCurrency"`
	Underlying                     string `json:"underlying"`
	QuoteCurrency                  string `json:"quoteCurrency"`
	UnderlyingSymbol               string `json:"underlyingSymbol"`
	Reference                      string `json:"reference"`
	ReferenceSymbol                string `json:"referenceSymbol"`
	CalcInterval                   Time   `json:"calcInterval"`
	PublishInterval                Time   `json:"publishInterval"`
	PublishTime                    Time   `json:"publishTime"`
	MaxOrderQty                    *int64 `json:"maxOrderQty"`
	MaxPrice                       Number `json:"maxPrice"`
	LotSize                        *int64 `json:"lotSize"`
	TickSize                       Number `json:"tickSize"`
	Multiplier                     *int64 `json:"multiplier"`
	SettlCurrency                  string `json:"settlCurrency"`
	UnderlyingToPositionMultiplier *int64 `json:"underlyingToPositionMultiplier"`
	UnderlyingToSettleMultiplier   *int64 `json:"underlyingToSettleMultiplier"`
	QuoteToSettleMultiplier        *int64 `json:"quoteToSettleMultiplier"`
	IsQuanto                       bool   `json:"isQuanto"`
	IsInverse                      bool   `json:"isInverse"`
	InitMargin                     Number `json:"initMargin"`
	MaintMargin                    Number `json:"maintMargin"`
	RiskLimit                      *int64 `json:"riskLimit"`
	RiskStep                       *int64 `json:"riskStep"`
	Limit                          Number `json:"limit"`
	Taxed                          bool   `json:"taxed"`
	Deleverage                     bool   `json:"deleverage"`
	MakerFee                       Number `json:"makerFee"`
	TakerFee                       Number `json:"takerFee"`
	SettlementFee                  Number `json:"settlementFee"`
	FundingBaseSymbol              string `json:"fundingBaseSymbol"`
	FundingQuoteSymbol             string `json:"fundingQuoteSymbol"`
	FundingPremiumSymbol           string `json:"fundingPremiumSymbol"`
	FundingTimestamp               Time   `json:"fundingTimestamp"`
	FundingInterval                Time   `json:"fundingInterval"`
	FundingRate                    Number `json:"fundingRate"`
	IndicativeFundingRate          Number `json:"indicativeFundingRate"`
	RebalanceTimestamp             Time   `json:"rebalanceTimestamp"`
	RebalanceInterval              Time   `json:"rebalanceInterval"`
	PrevClosePrice                 Number `json:"prevClosePrice"`
	LimitDownPrice                 Number `json:"limitDownPrice"`
	LimitUpPrice                   Number `json:"limitUpPrice"`
	TotalVolume                    *int64 `json:"totalVolume"`
	Volume                         *int64 `json:"volume"`
	Volume24h                      *int64 `json:"volume24h"`
	PrevTotalTurnover              *int64 `json:"prevTotalTurnover"`
	TotalTurnover                  *int64 `json:"totalTurnover"`
	Turnover                       *int64 `json:"turnover"`
	Turnover24h                    *int64 `json:"turnover24h"`
	HomeNotional24h                Number `json:"homeNotional24h"`
	ForeignNotional24h             Number `json:"foreignNotional24h"`
	PrevPrice24h                   Number `json:"prevPrice24h"`
	Vwap                           Number `json:"vwap"`
	HighPrice                      Number `json:"highPrice"`
	LowPrice                       Number `json:"lowPrice"`
	LastPrice                      Number `json:"lastPrice"`
	LastPriceProtected             Number `json:"lastPriceProtected"`
	LastTickDirection              string `json:"lastTickDirection"`
	LastChangePcnt                 Number `json:"lastChangePcnt"`
	BidPrice                       Number `json:"bidPrice"`
	MidPrice                       Number `json:"midPrice"`
	AskPrice                       Number `json:"askPrice"`
	ImpactBidPrice                 Number `json:"impactBidPrice"`
	ImpactMidPrice                 Number `json:"impactMidPrice"`
	ImpactAskPrice                 Number `json:"impactAskPrice"`
	HasLiquidity                   bool   `json:"hasLiquidity"`
	OpenInterest                   *int64 `json:"openInterest,omitempty"`
	OpenValue                      *int64 `json:"openValue,omitempty"`
	FairMethod                     string `json:"fairMethod"`
	FairBasisRate                  Number `json:"fairBasisRate"`
	FairBasis                      Number `json:"fairBasis"`
	FairPrice                      Number `json:"fairPrice"`
	MarkMethod                     string `json:"markMethod"`
	MarkPrice                      Number `json:"markPrice"`
	IndicativeSettlePrice          Number `json:"indicativeSettlePrice"`
	SettledPriceAdjustmentRate     Number `json:"settledPriceAdjustmentRate"`
	SettledPrice                   Number `json:"settledPrice"`
	InstantPnl                     bool   `json:"instantPnl"`
	MinTick                        Number `json:"minTick"`
	Timestamp                      Time   `json:"timestamp"`
}

// OrderBookL2 is a price level. Key: symbol, id, side.
type OrderBookL2 struct {
	Symbol    string `json:"symbol"`
	ID        *int64 `json:"id"`
	Side      string `json:"side"`
	Size      *int64 `json:"size"`
	Price     Number `json:"price"`
	Timestamp Time   `json:"timestamp"`
}

// Trade is a public trade. Side is the taker's.
type Trade struct {
	Timestamp       Time   `json:"timestamp"`
	Symbol          string `json:"symbol"`
	Side            string `json:"side"`
	Size            *int64 `json:"size"`
	Price           Number `json:"price"`
	TickDirection   string `json:"tickDirection"`
	TrdMatchID      string `json:"trdMatchID"`
	GrossValue      *int64 `json:"grossValue"`
	HomeNotional    Number `json:"homeNotional"`
	ForeignNotional Number `json:"foreignNotional"`
	TrdType         string `json:"trdType"`
}

// TradeBin is what traded in an interval that ends at Timestamp.
type TradeBin struct {
	Timestamp       Time   `json:"timestamp"`
	Symbol          string `json:"symbol"`
	Open            Number `json:"open"`
	High            Number `json:"high"`
	Low             Number `json:"low"`
	Close           Number `json:"close"`
	Trades          *int64 `json:"trades"`
	Volume          *int64 `json:"volume"`
	Vwap            Number `json:"vwap"`
	LastSize        *int64 `json:"lastSize"`
	Turnover        *int64 `json:"turnover"`
	HomeNotional    Number `json:"homeNotional"`
	ForeignNotional Number `json:"foreignNotional"`
}

// Quote is the best bid and ask.
type Quote struct {
	Timestamp Time   `json:"timestamp"`
	Symbol    string `json:"symbol"`
	BidSize   *int64 `json:"bidSize"`
	BidPrice  Number `json:"bidPrice"`
	AskPrice  Number `json:"askPrice"`
	AskSize   *int64 `json:"askSize"`
}

// Funding is a rate that was settled at Timestamp.
type Funding struct {
	Timestamp        Time   `json:"timestamp"`
	Symbol           string `json:"symbol"`
	FundingInterval  Time   `json:"fundingInterval"`
	FundingRate      Number `json:"fundingRate"`
	FundingRateDaily Number `json:"fundingRateDaily"`
}

// Liquidation is an open liquidation order. Key: orderID.
type Liquidation struct {
	OrderID   string `json:"orderID"`
	Symbol    string `json:"symbol"`
	Side      string `json:"side"`
	Price     Number `json:"price"`
	LeavesQty *int64 `json:"leavesQty"`
}

// Settlement is the end of a contract.
type Settlement struct {
	Timestamp             Time   `json:"timestamp"`
	Symbol                string `json:"symbol"`
	SettlementType        string `json:"settlementType"`
	SettledPrice          Number `json:"settledPrice"`
	OptionStrikePrice     Number `json:"optionStrikePrice"`
	OptionUnderlyingPrice Number `json:"optionUnderlyingPrice"`
	Bankrupt              *int64 `json:"bankrupt"`
	TaxBase               *int64 `json:"taxBase"`
	TaxRate               Number `json:"taxRate"`
}

// APIKey is a key of an account, without its secret.
type APIKey struct {
	ID              string   `json:"id"`
	Secret          string   `json:"secret"`
	Name            string   `json:"name"`
	Nonce           *int64   `json:"nonce"`
	Cidr            string   `json:"cidr"`
	Cidrs           []string `json:"cidrs"`
	TargetAccountID *int64   `json:"targetAccountId"`
	Permissions     []string `json:"permissions"`
	Enabled         bool     `json:"enabled"`
	UserID          *int64   `json:"userId"`
	Created         Time     `json:"created"`
}

// User is the owner of an account.
type User struct {
	ID                    *int64         `json:"id"`
	Firstname             string         `json:"firstname"`
	Lastname              string         `json:"lastname"`
	Username              string         `json:"username"`
	AccountName           string         `json:"accountName"`
	IsUser                bool           `json:"isUser"`
	Email                 string         `json:"email"`
	DateOfBirth           string         `json:"dateOfBirth"`
	Phone                 string         `json:"phone"`
	Created               Time           `json:"created"`
	LastUpdated           Time           `json:"lastUpdated"`
	Preferences           map[string]any `json:"preferences"`
	TFAEnabled            string         `json:"TFAEnabled"`
	AffiliateID           string         `json:"affiliateID"`
	Country               string         `json:"country"`
	GeoipCountry          string         `json:"geoipCountry"`
	GeoipRegion           string         `json:"geoipRegion"`
	FirstTradeTimestamp   Time           `json:"firstTradeTimestamp"`
	FirstDepositTimestamp Time           `json:"firstDepositTimestamp"`
	Typ                   string         `json:"typ"`
}

// AssetsConfig is a currency.
type AssetsConfig struct {
	Asset            string                    `json:"asset"`
	Currency         string                    `json:"currency"`
	MajorCurrency    string                    `json:"majorCurrency"`
	Name             string                    `json:"name"`
	CurrencyType     string                    `json:"currencyType"`
	Scale            Number                    `json:"scale"`
	Enabled          bool                      `json:"enabled"`
	IsMarginCurrency bool                      `json:"isMarginCurrency"`
	MemoRequired     bool                      `json:"memoRequired"`
	Networks         []AssetsConfigNetworkItem `json:"networks"`
}

// AssetsConfigNetworkItem is a way to move a currency.
type AssetsConfigNetworkItem struct {
	Asset             string `json:"asset"`
	TokenAddress      string `json:"tokenAddress"`
	DepositEnabled    bool   `json:"depositEnabled"`
	WithdrawalEnabled bool   `json:"withdrawalEnabled"`
	WithdrawalFee     Number `json:"withdrawalFee"`
	MinFee            Number `json:"minFee"`
	MaxFee            Number `json:"maxFee"`
}

// Announcement is news of the venue.
type Announcement struct {
	ID      *int64 `json:"id"`
	Link    string `json:"link"`
	Title   string `json:"title"`
	Content string `json:"content"`
	Date    Time   `json:"date"`
}

// Affiliate is the referrals of an account.
type Affiliate struct {
	Account          *int64 `json:"account"`
	Currency         string `json:"currency"`
	PrevPayout       *int64 `json:"prevPayout"`
	PrevTurnover     *int64 `json:"prevTurnover"`
	PrevComm         *int64 `json:"prevComm"`
	PrevTimestamp    Time   `json:"prevTimestamp"`
	ExecTurnover     *int64 `json:"execTurnover"`
	ExecComm         *int64 `json:"execComm"`
	TotalReferrals   *int64 `json:"totalReferrals"`
	TotalTurnover    *int64 `json:"totalTurnover"`
	TotalComm        *int64 `json:"totalComm"`
	PayoutPcnt       Number `json:"payoutPcnt"`
	PendingPayout    *int64 `json:"pendingPayout"`
	Timestamp        Time   `json:"timestamp"`
	ReferrerAccount  Number `json:"referrerAccount"`
	ReferralDiscount Number `json:"referralDiscount"`
	AffiliatePayout  Number `json:"affiliatePayout"`
}

// Insurance is the insurance fund at the end of a day.
type Insurance struct {
	Currency      string `json:"currency"`
	Timestamp     Time   `json:"timestamp"`
	WalletBalance *int64 `json:"walletBalance"`
}

// Stats is the volume of a series.
type Stats struct {
	RootSymbol   string `json:"rootSymbol"`
	Currency     string `json:"currency"`
	Volume24h    *int64 `json:"volume24h"`
	Turnover24h  *int64 `json:"turnover24h"`
	OpenInterest *int64 `json:"openInterest,omitempty"`
	OpenValue    *int64 `json:"openValue,omitempty"`
}

// InstrumentInterval is the series that names such as XBT:quarterly stand for.
type InstrumentInterval struct {
	Intervals []string `json:"intervals"`
	Symbols   []string `json:"symbols"`
}

// IndexComposite is a price that an index is made of.
type IndexComposite struct {
	Timestamp            Time   `json:"timestamp"`
	Symbol               string `json:"symbol"`
	IndexSymbol          string `json:"indexSymbol"`
	IndexMultiplier      Number `json:"indexMultiplier"`
	Reference            string `json:"reference"`
	LastPrice            Number `json:"lastPrice"`
	SourcePrice          Number `json:"sourcePrice"`
	ConversionIndex      string `json:"conversionIndex"`
	ConversionIndexPrice Number `json:"conversionIndexPrice"`
	Weight               Number `json:"weight"`
	Logged               Time   `json:"logged"`
}

// StatsHistory is the volume of a series on a day.
type StatsHistory struct {
	Date       Time   `json:"date"`
	RootSymbol string `json:"rootSymbol"`
	Currency   string `json:"currency"`
	Volume     *int64 `json:"volume"`
	Turnover   *int64 `json:"turnover"`
}

// StatsUSD is the turnover of a series in dollars.
type StatsUSD struct {
	RootSymbol   string `json:"rootSymbol"`
	Currency     string `json:"currency"`
	Turnover24h  *int64 `json:"turnover24h"`
	Turnover30d  *int64 `json:"turnover30d"`
	Turnover365d *int64 `json:"turnover365d"`
	Turnover     *int64 `json:"turnover"`
}

// StatsUSDBySymbol is the turnover of a symbol in dollars.
type StatsUSDBySymbol struct {
	Symbol       string `json:"symbol"`
	Currency     string `json:"currency"`
	Turnover24h  *int64 `json:"turnover24h"`
	Turnover30d  *int64 `json:"turnover30d"`
	Turnover365d *int64 `json:"turnover365d"`
	Turnover     *int64 `json:"turnover"`
}

// Commission is what an account pays for a symbol.
type Commission struct {
	MakerFee      Number `json:"makerFee"`
	TakerFee      Number `json:"takerFee"`
	SettlementFee Number `json:"settlementFee"`
}

// TradingVolume is what an account trades a day, in dollars, on the average of 30 days.
type TradingVolume struct {
	AdvUSD         Number `json:"advUsd"`
	AdvUSDSpot     Number `json:"advUsdSpot"`
	AdvUSDContract Number `json:"advUsdContract"`
}

// WalletSummary is what an account's transactions of a type come to.
type WalletSummary struct {
	Account       *int64 `json:"account"`
	Currency      string `json:"currency"`
	TransactType  string `json:"transactType"`
	Symbol        string `json:"symbol"`
	Amount        Number `json:"amount"`
	PendingDebit  Number `json:"pendingDebit"`
	RealisedPnl   Number `json:"realisedPnl"`
	WalletBalance Number `json:"walletBalance"`
	UnrealisedPnl Number `json:"unrealisedPnl"`
	MarginBalance Number `json:"marginBalance"`
}

// QuoteFillRatio is how many of an account's orders of a day were filled.
type QuoteFillRatio struct {
	Date                Time   `json:"date"`
	Account             Number `json:"account"`
	QuoteCount          Number `json:"quoteCount"`
	DealtCount          Number `json:"dealtCount"`
	QuotesMavg7         Number `json:"quotesMavg7"`
	DealtMavg7          Number `json:"dealtMavg7"`
	QuoteFillRatioMavg7 Number `json:"quoteFillRatioMavg7"`
}

// QuoteValueRatio is how much of the value that an account quoted was traded.
type QuoteValueRatio struct {
	Timestamp  Time   `json:"timestamp"`
	Account    Number `json:"account"`
	Symbol     string `json:"symbol"`
	QuoteCount Number `json:"quoteCount"`
	VolumeXBT  Number `json:"volumeXBT"`
	QVR        Number `json:"QVR"`
	ID         Number `json:"id"`
}

// NetworksConfig is a chain that currencies move on.
type NetworksConfig struct {
	Network              string `json:"network"`
	Name                 string `json:"name"`
	Currency             string `json:"currency"`
	NetworkSymbol        string `json:"networkSymbol"`
	TransactionExplorer  string `json:"transactionExplorer"`
	TokenExplorer        string `json:"tokenExplorer"`
	DepositConfirmations *int64 `json:"depositConfirmations"`
	Enabled              bool   `json:"enabled"`
}

// At returns the row's instant.
func (r Trade) At() Time { return r.Timestamp }

// At returns the end of the interval.
func (r TradeBin) At() Time { return r.Timestamp }

// At returns the row's instant.
func (r Quote) At() Time { return r.Timestamp }

// At returns the row's instant.
func (r Funding) At() Time { return r.Timestamp }

// At returns the row's instant.
func (r Settlement) At() Time { return r.Timestamp }

// At returns the row's instant.
func (r Insurance) At() Time { return r.Timestamp }

// At returns the row's instant.
func (r Execution) At() Time { return r.Timestamp }

// At returns the row's instant.
func (r IndexComposite) At() Time { return r.Timestamp }
